//! A program that only is a launcher, for the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    sqern_sandbox::launcher::run(std::env::args_os()).unwrap_or(ExitCode::FAILURE)
}
