//! The program `sqern`: arguments in, exit status out.

use std::process::ExitCode;

use clap::Parser;
use sqern::cli::{self, Cli};
use sqern::printer::{Printer, print_clap};
use sqern::settings::Settings;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return match print_clap(&error) {
                Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(2)),
                Err(failure) => {
                    Printer::plain().failure(&failure);
                    failure.exit().into()
                }
            };
        }
    };
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(failure) => {
            Printer::plain().failure(&failure);
            return failure.exit().into();
        }
    };
    let printer = Printer::new(&settings, cli.output.format());
    printer.show_warnings();
    // The TLS clients for PostgreSQL and HTTP use the default provider of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Each thread keeps the memory of its last decompression, so idle threads would only cost memory.
    let threads = 2 + 2 * std::thread::available_parallelism().map_or(2, usize::from);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(cli::run(cli, &settings, &printer)));
    match outcome {
        Ok(status) => status.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit().into()
        }
    }
}
