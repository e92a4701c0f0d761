//! The program while it runs, line by line.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use sqern_testkit::clean_command;

/// The program while it follows.
pub struct Following {
    child: Child,
    lines: Receiver<Value>,
    notes: Receiver<String>,
}

impl Following {
    /// Starts it, and waits until it said from where it follows.
    pub fn start(mut command: Command) -> Self {
        let mut following = Self::start_silent(&mut command);
        following.note("following from ");
        following
    }

    fn start_silent(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let (line_sender, lines) = channel();
        let (note_sender, notes) = channel();
        let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("a line");
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                _ = line_sender.send(value);
            }
        });
        std::thread::spawn(move || BufReader::new(stderr).lines().for_each(|line| _ = note_sender.send(line.expect("a line"))));
        Self { child, lines, notes }
    }

    /// The next line, which must come soon.
    pub fn line(&self) -> Value {
        self.lines.recv_timeout(Duration::from_secs(20)).expect("a line")
    }

    /// Waits for a line of standard error that holds this.
    pub fn note(&mut self, words: &str) -> String {
        loop {
            let note = self.notes.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{words:?} is said"));
            if note.contains(words) {
                return note;
            }
            assert!(!note.starts_with("error"), "{note}");
        }
    }

    /// Ends it by a signal; gives its exit status, the lines and the notes that were not taken yet.
    pub fn end(mut self, signal: &str) -> (Option<i32>, Vec<Value>, Vec<String>) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(clean_command("sh").args(["-c", &kill]).status().expect("sh runs").success());
        let status = self.child.wait().expect("it ends").code();
        (status, self.lines.iter().collect(), self.notes.iter().collect())
    }
}
