//! Figures over time: of a node, a guest, a storage. Points without a figure lack its name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Node, NodeStorage};
use crate::call::calls;
use crate::error::Result;
use crate::params::{params, words};
use crate::pve::lxc::Lxc;
use crate::pve::qemu::Qemu;

/// The figures of one point in time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FiguresAt {
    /// When, Unix seconds.
    pub time: u64,
    /// By name (`cpu`, `mem`, `netin`, …); which there are depends on what it is and on the version.
    #[serde(flatten)]
    pub figures: BTreeMap<String, Option<f64>>,
}

words! {
    /// How far back.
    pub enum Timeframe {
        /// An hour.
        Hour = "hour",
        /// A day.
        Day = "day",
        /// A week.
        Week = "week",
        /// A month.
        Month = "month",
        /// A year.
        Year = "year",
    }

    /// How several measurements become one point.
    pub enum Consolidation {
        /// Their average.
        Average = "AVERAGE",
        /// The largest.
        Max = "MAX",
    }
}

params! {
    /// Which figures.
    #[derive(Debug, Clone)]
    pub struct HistoryQuery {
        /// How far back.
        timeframe: Timeframe = "timeframe",
        /// How several measurements become one point.
        consolidation: Option<Consolidation> = "cf",
    }
}

impl From<Timeframe> for HistoryQuery {
    fn from(timeframe: Timeframe) -> Self {
        Self { timeframe, consolidation: None }
    }
}

calls! { Pve:
    NODE "node(n).history" = Get "/nodes/{node}/rrddata" (HistoryQuery) -> Vec<FiguresAt>;
    STORAGE "node(n).storage(s).history" = Get "/nodes/{node}/storage/{storage}/rrddata" (HistoryQuery) -> Vec<FiguresAt>;
    QEMU "qemu(n, id).history" = Get "/nodes/{node}/qemu/{vmid}/rrddata" (HistoryQuery) -> Vec<FiguresAt>;
    LXC "lxc(n, id).history" = Get "/nodes/{node}/lxc/{vmid}/rrddata" (HistoryQuery) -> Vec<FiguresAt>;
}

impl Node<'_> {
    /// The node's figures over time, oldest first.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<FiguresAt>> {
        self.connection.send(&NODE, &[self.name], query).await
    }
}

impl NodeStorage<'_> {
    /// The storage's figures over time, oldest first.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<FiguresAt>> {
        self.connection.send(&STORAGE, &self.args(), query).await
    }
}

impl Qemu<'_> {
    /// The machine's figures over time, oldest first.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<FiguresAt>> {
        self.connection.send(&QEMU, &self.args(), query).await
    }
}

impl Lxc<'_> {
    /// The container's figures over time, oldest first.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<FiguresAt>> {
        self.connection.send(&LXC, &self.args(), query).await
    }
}
