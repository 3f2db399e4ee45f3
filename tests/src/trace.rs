//! Captured output of `tracing`.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};

use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::{MakeWriter, fmt};

/// A buffer that a subscriber writes to. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CapturedOutput(Arc<Mutex<Vec<u8>>>);

impl CapturedOutput {
    /// Captures the records of this thread until the guard is dropped.
    pub fn of_this_thread() -> (Self, CaptureGuard) {
        // All threads share one subscriber: the interest cache of tracing is per process.
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            set_subscriber(|| -> Box<dyn io::Write> {
                match CAPTURED.with_borrow(Clone::clone) {
                    Some(output) => Box::new(output),
                    None => Box::new(io::sink()),
                }
            });
        });
        let output = Self::default();
        CAPTURED.set(Some(output.clone()));
        (output, CaptureGuard)
    }

    /// Captures the records of all threads, from now on.
    ///
    /// # Panics
    /// If the program has a subscriber already.
    pub fn of_all_threads() -> Self {
        let output = Self::default();
        let writer = output.clone();
        set_subscriber(move || writer.clone());
        output
    }

    /// Returns the text captured so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for CapturedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn set_subscriber(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let subscriber = fmt()
        .with_writer(writer)
        .with_max_level(Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
}

thread_local! {
    static CAPTURED: RefCell<Option<CapturedOutput>> = const { RefCell::new(None) };
}

/// Ends the capture of this thread when dropped.
#[derive(Debug)]
pub struct CaptureGuard;

impl Drop for CaptureGuard {
    fn drop(&mut self) {
        CAPTURED.set(None);
    }
}
