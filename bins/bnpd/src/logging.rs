//! Logs on standard error: JSON for machines, text for people.

use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// Starts logging; the first call of a process counts.
pub fn start(config: &LogConfig) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // The innermost span says it all: request and operation both name the request.
    let started = if config.json {
        builder.json().flatten_event(true).with_span_list(false).try_init()
    } else {
        builder.try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
