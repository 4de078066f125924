//! `weir-bench`: the repeatable measurements.

fn main() {}
