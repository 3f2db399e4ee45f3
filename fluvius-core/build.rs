//! An empty build script, which `links` in the manifest requires. Because of `links`, cargo rejects
//! two versions of this crate in one program, each with half of the actions.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
