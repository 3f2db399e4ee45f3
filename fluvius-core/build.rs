//! Does nothing: `links` in the manifest needs a build script, and makes cargo
//! refuse two versions of this crate in one program, each with half of the actions.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
