//! An alert's life from outside: in steps, in bulk, and against a naive twin.

mod bulk;
mod life;
mod twin;
