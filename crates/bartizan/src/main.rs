//! Not begun.

fn main() {}
