//! The server as a process of its own, so that its processor time is apart from the load
//! generator's.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::plain::Plant;
use crate::system::{self, Fault, Place, System};

const SYSTEM: &str = "BENCH_SERVER";
const PLACE: &str = "BENCH_SERVER_PLACE";
const PLANT: &str = "BENCH_PLANT";

/// The part of this process, if it is a server.
pub(crate) struct Server {
    system: System,
    place: Place,
    plant: Option<Plant>,
}

/// Returns the part of this process; `None` for the load generator.
pub(crate) fn own() -> Option<Server> {
    let name = std::env::var(SYSTEM).ok()?;
    let system = System::ALL.into_iter().find(|system| system.name() == name)?;
    let place = Place::parse(&std::env::var(PLACE).ok()?)?;
    let plant = std::env::var(PLANT).ok().and_then(|name| Plant::find(&name));
    Some(Server { system, place, plant })
}

/// Serves until the standard input ends: the load generator has closed it, or has died.
#[expect(clippy::expect_used, reason = "without the server there is nothing to measure")]
pub(crate) async fn serve(server: Server) {
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
    let served = system::serve(server.system, &server.place, server.plant, listener, ended).await;
    served.expect("the server starts");
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
    pub(crate) fn start(system: System, place: &Place) -> Result<Self, Fault> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(SYSTEM, system.name())
            .env(PLACE, place.text())
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
