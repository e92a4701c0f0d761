//! The last part of the output of a command.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// The maximum wait for output of processes that left the group and still have the pipe open.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// The last bytes that were written to a pipe. A thread reads the pipe, so that the command never
/// blocks.
#[derive(Debug)]
pub struct OutputTail {
    bytes: Arc<Mutex<VecDeque<u8>>>,
    end: mpsc::Receiver<()>,
}

impl OutputTail {
    /// Returns a pipe for the output of a command, and the tail of at most `max_bytes` bytes that
    /// is read from it.
    ///
    /// # Errors
    ///
    /// Returns an error if the pipe or the thread cannot be created.
    pub fn pipe(max_bytes: usize) -> io::Result<(PipeWriter, Self)> {
        let (reader, writer) = io::pipe()?;
        let bytes = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, end) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        thread::Builder::new()
            .name("process-output".to_owned())
            .spawn(move || {
                read_tail(reader, &shared, max_bytes);
                let _ = sender.send(());
            })?;
        Ok((writer, Self { bytes, end }))
    }

    /// Returns the tail. Waits at most 1 second for the end of the output.
    #[must_use]
    pub fn into_text(self) -> String {
        let _ = self.end.recv_timeout(LAST_OUTPUT);
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes.iter().copied().collect::<Vec<u8>>()).into_owned()
    }
}

fn read_tail(mut reader: PipeReader, tail: &Mutex<VecDeque<u8>>, max_bytes: usize) {
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(&buffer[..count]);
        let excess = tail.len().saturating_sub(max_bytes);
        tail.drain(..excess);
    }
}

/// Returns the last lines of a text with spaces instead of control characters, which might affect a
/// terminal.
#[must_use]
pub fn printable_lines(text: &str, max_lines: usize) -> Vec<String> {
    let printable = |line: &str| {
        line.chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect()
    };
    let lines: Vec<String> = text.lines().map(printable).collect();
    lines[lines.len().saturating_sub(max_lines)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_lines_contain_no_control_characters() {
        assert_eq!(printable_lines("a\nb\x1b[2J\nc\r\n", 2), ["b [2J", "c"]);
        assert_eq!(printable_lines("", 2), Vec::<String>::new());
    }
}
