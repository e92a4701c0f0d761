//! The program `sqern`: arguments in, exit status out.

use std::process::ExitCode;

use clap::Parser;
use sqern::cli::{self, Cli};
use sqern::printer::Printer;
use sqern::settings::Settings;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(failure) => {
            Printer::plain().failure(&failure);
            return failure.exit().into();
        }
    };
    let printer = Printer::new(&settings, cli.output.format());
    printer.show_warnings();
    // Both TLS clients, PostgreSQL's and HTTP's, take the process's provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Each thread keeps the memory of what it decompressed last: more of them than can be at work cost room and gain nothing.
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
