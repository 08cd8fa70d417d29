//! What the benches share: real lines, a clock that counts work, a count of allocations.
//!
//! The machine is seldom ours alone, so times are of the processor and not of the wall, and the
//! median of several rounds is told. Figures of one run compare with one another only.

pub mod allocations;
pub mod lines;
pub mod mix;
pub mod timing;
