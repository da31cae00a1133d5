//! The simulator, behaviour tests, interoperation, bench.
