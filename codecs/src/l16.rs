//! L16 (RFC 3551 §4.5.11): samples as they are, the more significant octet first.

/// Decodes whole samples; returns how many it wrote.
pub fn decode(payload: &[u8], samples: &mut [i16]) -> usize {
    let pairs = payload.chunks_exact(2).zip(samples);
    pairs.map(|(octets, sample)| *sample = i16::from_be_bytes([octets[0], octets[1]])).count()
}

/// Encodes samples; returns how many octets it wrote.
pub fn encode(samples: &[i16], payload: &mut [u8]) -> usize {
    let pairs = samples.iter().zip(payload.chunks_exact_mut(2));
    2 * pairs.map(|(sample, octets)| octets.copy_from_slice(&sample.to_be_bytes())).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3551_4_5_11_samples_are_in_network_order() {
        let mut payload = [0; 5];
        assert_eq!(encode(&[0x0102, -2, 7], &mut payload), 4);
        assert_eq!(payload, [1, 2, 0xff, 0xfe, 0]);
        let mut samples = [9; 3];
        assert_eq!(decode(&payload, &mut samples), 2);
        assert_eq!(samples, [0x0102, -2, 9]);
    }
}
