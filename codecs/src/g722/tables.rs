//! The tables of ITU-T G.722 §6.2.

/// The taps of the quadrature mirror filter that samples of odd order meet.
pub(super) const QMF_ODD: [i16; 24] =
    [3, 0, -11, 0, 12, 0, 32, 0, -210, 0, 951, 0, 3876, 0, -805, 0, 362, 0, -156, 0, 53, 0, -11, 0];

/// The same for those of even order: the filter is symmetric.
pub(super) const QMF_EVEN: [i16; 24] =
    [0, -11, 0, 53, 0, -156, 0, 362, 0, -805, 0, 3876, 0, 951, 0, -210, 0, 32, 0, 12, 0, -11, 0, 3];

/// Q6: the decision levels of the lower band.
pub(super) const DECIDE_LOW: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// ILN: the codes of negative differences, the smallest first.
pub(super) const CODE_LOW_NEGATIVE: [u8; 30] = [
    63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,
    6, 5, 4,
];

/// ILP: those of the others.
pub(super) const CODE_LOW_POSITIVE: [u8; 30] = [
    61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36,
    35, 34, 33, 32,
];

/// QQ6 by code: what a code of six bits is worth.
pub(super) const INVERSE_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];

/// QQ4 by code: what its upper four bits are worth.
pub(super) const INVERSE_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];

/// QQ2 by code, in the upper band.
pub(super) const INVERSE_2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// IL4: which step the scale takes for a code.
pub(super) const LEVEL_LOW: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];

/// WL: the steps of the scale in the lower band.
pub(super) const ADAPT_LOW: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];

/// WH by code: those in the upper band.
pub(super) const ADAPT_HIGH: [i32; 4] = [798, -214, 798, -214];

/// ILB: the antilogarithm.
pub(super) const SCALE: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
