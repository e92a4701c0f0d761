//! Tries the store on real packages.
//!
//! Usage: `trial INTO VERSION PACKAGE…` unpacks them into a folder, makes that build modules for the kernel VERSION, and compiles one.
//! With `-` for VERSION it only unpacks.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what came of it is what the example is asked for")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use sqern_model::KernelVersion;
use sqern_store::tree::{ProveOptions, adapt, prove};
use sqern_store::{Limits, unpack};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [into, version, packages @ ..] = &words[..] else {
        eprintln!("usage: trial INTO VERSION PACKAGE…");
        return ExitCode::from(2);
    };
    match trial(Path::new(into), version, packages) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn trial(into: &Path, version: &str, packages: &[String]) -> Result<(), Box<dyn Error>> {
    for package in packages {
        let begun = Instant::now();
        let unpacked = unpack(Path::new(package), into, &Limits::default())?;
        println!("{package}: {:.2} s {unpacked:?}", begun.elapsed().as_secs_f64());
    }
    if version == "-" {
        return Ok(());
    }
    let kernel = KernelVersion::new(version)?;
    let adapted = adapt(into, &kernel)?;
    println!("{adapted:?}");
    let scratch = tempfile::tempdir()?;
    let proof = prove(&into.join(adapted.build), &kernel, scratch.path(), &ProveOptions::default())?;
    println!("{proof:#?}");
    Ok(())
}
