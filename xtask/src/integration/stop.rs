//! What ends a run before it is through: Ctrl-C, a request to end, a terminal that is gone, or too long a time.
//!
//! It is asked between calls and while a task is waited for, never in the middle of a call: what was sent is answered, so that the cleaning knows
//! of everything that was begun.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Everything is over by then, but for the cleaning.
const DEADLINE: Duration = Duration::from_secs(3600);

/// Whether a run has to end, and why.
pub struct Stop(watch::Receiver<&'static str>);

impl Stop {
    /// From now on signals do not end the process.
    pub fn listen() -> Result<Self, String> {
        let heard = |kind| signal(kind).map_err(|error| format!("signals cannot be heard: {error}"));
        let mut interrupt = heard(SignalKind::interrupt())?;
        let mut terminate = heard(SignalKind::terminate())?;
        let mut hangup = heard(SignalKind::hangup())?;
        let (tell, told) = watch::channel("");
        tokio::spawn(async move {
            let why = tokio::select! {
                _ = interrupt.recv() => "interrupted",
                _ = terminate.recv() => "asked to end (SIGTERM)",
                _ = hangup.recv() => "the terminal is gone (SIGHUP)",
                () = tokio::time::sleep(DEADLINE) => "it takes too long",
                () = tell.closed() => return,
            };
            tell.send_replace(why);
        });
        Ok(Self(told))
    }

    /// Waits until the run has to end, and says why.
    pub async fn asked(&self) -> &'static str {
        match self.0.clone().wait_for(|why| !why.is_empty()).await {
            Ok(why) => *why,
            Err(_) => "nothing listens for signals",
        }
    }
}
