//! The server as a process of its own, so that its processor time is apart from the load
//! generator's.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::plain::Plant;
use crate::system::{self, Fault, Place, Served, System};

const SYSTEM: &str = "BENCH_SERVER";
const PLACE: &str = "BENCH_SERVER_PLACE";
const KEY_SET: &str = "BENCH_SERVER_KEY_SET";
const PLANT: &str = "BENCH_PLANT";

/// Returns the bank that this process serves; `None` for the load generator.
pub(crate) fn own() -> Option<Served> {
    let name = std::env::var(SYSTEM).ok()?;
    let system = System::ALL.into_iter().find(|system| system.name() == name)?;
    let place = Place::parse(&std::env::var(PLACE).ok()?)?;
    let plant = std::env::var(PLANT).ok().and_then(|name| Plant::find(&name));
    let key_set = std::env::var(KEY_SET).ok();
    Some(Served { system, place, plant, key_set })
}

/// Serves until the standard input ends: the load generator has closed it, or has died.
#[expect(clippy::expect_used, reason = "without the server there is nothing to measure")]
pub(crate) async fn serve(served: Served) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{}", listener.local_addr().expect("a listener has an address").port());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    });
    let ended = async {
        let _ = ended.await;
    };
    system::serve(served, listener, ended).await.expect("the server starts");
}

/// A started server. Dropping it ends the process.
pub(crate) struct Started {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) port: u16,
}

impl Started {
    /// Starts this program as a server. It accepts connections from the start, and answers once the
    /// bank is open.
    pub(crate) fn start(
        system: System,
        place: &Place,
        key_set: Option<&str>,
    ) -> Result<Self, Fault> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(SYSTEM, system.name())
            .env(PLACE, place.text())
            .envs(key_set.map(|keys| (KEY_SET, keys)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let port = line.trim().parse();
        let mut started = Self { child, input, port: 0 };
        started.port = port.map_err(|_| "the server has ended before it listened")?;
        Ok(started)
    }

    /// Returns the processor time of all threads so far, or `None` if the operating system does not
    /// report it.
    ///
    /// # Source
    /// Linux, `proc_pid_stat(5)`: fields 14 and 15, in ticks of 10 ms, with those of ended threads.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program, in brackets, may contain spaces.
        let fields = stat.rsplit_once(')')?.1.split_whitespace();
        let ticks = fields.skip(11).take(2).map(|field| field.parse::<u64>().ok());
        Some(Duration::from_millis(10 * ticks.sum::<Option<u64>>()?))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
