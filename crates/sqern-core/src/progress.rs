//! Events of running use cases.

/// Receives the events of a use case. A closure with one argument implements it.
///
/// Each use case defines its type of events. Concurrent tasks report their events through the same
/// value, so implementations must not block for long.
pub trait Progress<E>: Sync {
    /// Receives an event.
    fn report(&self, event: E);
}

impl<E, F: Fn(E) + Sync> Progress<E> for F {
    fn report(&self, event: E) {
        self(event);
    }
}

/// Discards all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl<E> Progress<E> for Silent {
    fn report(&self, _event: E) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn count(progress: &impl Progress<u32>) {
        progress.report(1);
        progress.report(2);
    }

    #[test]
    fn closures_receive_events_in_order() {
        let events = Mutex::new(Vec::new());
        count(&|event| events.lock().expect("no panic").push(event));
        count(&Silent);
        assert_eq!(events.into_inner().expect("no panic"), [1, 2]);
    }
}
