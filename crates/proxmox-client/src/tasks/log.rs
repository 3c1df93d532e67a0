//! The log of a task, a page at a time or as a stream.

use std::collections::VecDeque;

use futures::Stream;
use serde::Deserialize;

use super::{TaskHandle, pbs, pve};
use crate::call::Product;
use crate::error::Result;
use crate::params::params;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// Its number, from 1.
    #[serde(rename = "n")]
    pub number: u64,
    /// The text.
    #[serde(rename = "t", default)]
    pub text: String,
}

/// Some lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// How many lines there are in all so far.
    pub total: u64,
}

params! {
    /// Which lines.
    #[derive(Debug, Clone, Copy)]
    pub struct LogRange {
        /// How many lines to skip.
        start: u64 = "start",
        /// How many lines at most.
        limit: u64 = "limit",
    }
}

/// Lines asked for at once when a whole log is read.
const PAGE: u64 = 500;

/// What the server writes for a log without lines.
const PLACEHOLDER: &str = "no content";

impl TaskHandle {
    /// Up to `limit` lines (at most 5000) after the first `start`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn log(&self, start: u64, limit: u64) -> Result<LogPage> {
        let range = LogRange { start, limit: limit.clamp(1, 5000) };
        let call = match self.connection.product() {
            Product::Pve => &pve::LOG,
            Product::Pbs => &pbs::LOG,
        };
        let (mut lines, total) = self.connection.send_counted(call, &self.args(), &range).await?;
        // An empty log has one line that says so.
        if start == 0 && lines.len() == 1 && lines.first().is_some_and(|line| line.text == PLACEHOLDER) {
            lines.clear();
        }
        let seen = start + u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(LogPage { total: total.unwrap_or(seen).max(if lines.is_empty() { 0 } else { seen }), lines })
    }

    /// The whole log so far, fetched a page at a time while it is read. Ends at the last line there is then: of a task
    /// that goes on, call again with the number of lines seen as `start`.
    pub fn log_lines(&self, start: u64) -> impl Stream<Item = Result<LogLine>> + '_ {
        struct Reading {
            ready: VecDeque<LogLine>,
            next: u64,
            ended: bool,
        }
        let reading = Reading { ready: VecDeque::new(), next: start, ended: false };
        futures::stream::unfold(reading, move |mut reading| async move {
            if reading.ready.is_empty() && !reading.ended {
                match self.log(reading.next, PAGE).await {
                    Ok(page) => {
                        let count = u64::try_from(page.lines.len()).unwrap_or(u64::MAX);
                        reading.next = reading.next.saturating_add(count);
                        reading.ended = count < PAGE;
                        reading.ready = page.lines.into();
                    }
                    Err(error) => {
                        reading.ended = true;
                        return Some((Err(error), reading));
                    }
                }
            }
            let line = reading.ready.pop_front()?;
            Some((Ok(line), reading))
        })
    }

    /// The last `count` lines.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn log_tail(&self, count: u64) -> Result<Vec<String>> {
        let first = self.log(0, count).await?;
        let page = if first.total > count { self.log(first.total - count, count).await? } else { first };
        Ok(page.lines.into_iter().map(|line| line.text).collect())
    }
}
