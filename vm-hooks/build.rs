//! Ends the build with one sentence where the VM would be compiled without our patch.
//!
//! Invariant: nothing is generated here; whether the patch itself fits is the wrapper's business.

use std::env;
use std::path::Path;

const WRAPPER: &str = "patch/rustc-wrapper";
/// For whoever applies the patch in another way.
const PATCHED: &str = "VM_HOOKS_VM_IS_PATCHED";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_WRAPPER");
    println!("cargo::rerun-if-env-changed={PATCHED}");
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-check-cfg=cfg(planted, values(any()))");
    let reads_frames = env::var_os("CARGO_FEATURE_RUSTPYTHON").is_some();
    if reads_frames && !is_patched() {
        println!(
            "cargo::error=vm-hooks reads the frames of a patched rustpython-vm: name {WRAPPER} of \
             this package as `[build] rustc-wrapper` in .cargo/config.toml (docs/vm-patch.md), \
             set {PATCHED}=1 if the patch is applied in another way, or turn the feature \
             `rustpython` off"
        );
    }
}

fn is_patched() -> bool {
    if env::var_os(PATCHED).is_some_and(|value| value == "1") {
        return true;
    }
    // Cargo says which wrapper it uses.
    let Some(wrapper) = env::var_os("RUSTC_WRAPPER") else {
        return false;
    };
    // rust-analyzer puts itself in its place where it runs build scripts, and compiles nothing.
    let name = Path::new(&wrapper).file_name().unwrap_or_default();
    name == "rustc-wrapper" || name.to_string_lossy().starts_with("rust-analyzer")
}
