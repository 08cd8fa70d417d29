//! The product from outside: the real binary, its real ports, its real exit codes.

mod alert;
mod bad_input;
mod commands;
mod console;
mod crash;
mod hunt;
mod product;
mod reload;
