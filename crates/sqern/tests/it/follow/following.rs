//! A running `sqern event follow`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use sqern_testkit::clean_command;

/// A running program, with its lines of output.
pub struct Following {
    child: Child,
    lines: Receiver<Value>,
    notes: Receiver<String>,
}

impl Following {
    /// Starts the program, and waits until it prints its start position.
    pub fn start(command: Command) -> Self {
        Self::start_until(command, "following from ")
    }

    /// Starts the program, and waits until it prints a line with this text to standard error.
    pub fn start_until(mut command: Command, text: &str) -> Self {
        let mut following = Self::start_silent(&mut command);
        following.note(text);
        following
    }

    fn start_silent(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let (line_sender, lines) = channel();
        let (note_sender, notes) = channel();
        let (stdout, stderr) = (
            child.stdout.take().expect("a pipe"),
            child.stderr.take().expect("a pipe"),
        );
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("a line");
                let value =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                _ = line_sender.send(value);
            }
        });
        std::thread::spawn(move || {
            BufReader::new(stderr)
                .lines()
                .for_each(|line| _ = note_sender.send(line.expect("a line")));
        });
        Self {
            child,
            lines,
            notes,
        }
    }

    /// Returns the next line of standard output.
    pub fn line(&self) -> Value {
        self.lines
            .recv_timeout(Duration::from_secs(20))
            .expect("a line")
    }

    /// Waits for a line of standard error that contains this text.
    pub fn note(&mut self, text: &str) -> String {
        loop {
            let note = self
                .notes
                .recv_timeout(Duration::from_secs(20))
                .unwrap_or_else(|_| panic!("{text:?} is printed"));
            if note.contains(text) {
                return note;
            }
            assert!(!note.starts_with("error"), "{note}");
        }
    }

    /// Sends a signal, and returns the exit status and the unread lines of both streams.
    pub fn end(mut self, signal: &str) -> (Option<i32>, Vec<Value>, Vec<String>) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(
            clean_command("sh")
                .args(["-c", &kill])
                .status()
                .expect("sh runs")
                .success()
        );
        let status = self.child.wait().expect("the program exits").code();
        (
            status,
            self.lines.iter().collect(),
            self.notes.iter().collect(),
        )
    }
}
