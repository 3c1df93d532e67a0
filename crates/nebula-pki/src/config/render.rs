//! Writing a configuration as YAML, and what is checked before.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{HostConfig, Peer, yaml};

/// The largest configuration that is rendered.
pub const MAX_CONFIG_BYTES: usize = 4 * 1024 * 1024;

/// Why a configuration is not rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A text that must not be empty is.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The name of a device that Linux would not take.
    #[error("tun.dev {found:?} must have 1 to 15 characters without / and blanks")]
    Device {
        /// The name.
        found: String,
    },
    /// A lighthouse that reports to lighthouses.
    #[error("a lighthouse reports to no lighthouse, this one to {0}")]
    LighthouseHosts(usize),
    /// A relay that is reached through relays.
    #[error("a relay is reached through no relay, this one through {0}")]
    RelayRelays(usize),
    /// More than is rendered.
    #[error("the configuration has {size} bytes, allowed are {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The largest.
        limit: usize,
    },
}

impl HostConfig {
    /// The file. Equal configurations give equal bytes; it holds the private key, so it is wiped when dropped.
    ///
    /// ```
    /// use nebula_pki::config::{HostConfig, Pki};
    /// let config = HostConfig::new(Pki::new("/etc/nebula/ca.crt", "/etc/nebula/host.crt", "/etc/nebula/host.key".to_owned().into()));
    /// let yaml = config.to_yaml()?;
    /// assert!(yaml.starts_with("pki:\n  ca: /etc/nebula/ca.crt\n"));
    /// assert_eq!(yaml, config.to_yaml()?);
    /// # Ok::<(), nebula_pki::config::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`], when Nebula would refuse or misread the file.
    pub fn to_yaml(&self) -> Result<Zeroizing<String>, ConfigError> {
        self.check()?;
        let text = yaml::write(&self.tree());
        let (size, limit) = (text.len(), MAX_CONFIG_BYTES);
        if size > limit { Err(ConfigError::TooLarge { size, limit }) } else { Ok(text) }
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (what, text) in [("pki.ca", &self.pki.ca), ("pki.cert", &self.pki.cert), ("pki.key", &*self.pki.key)] {
            if text.trim().is_empty() {
                return Err(ConfigError::Empty(what));
            }
        }
        let dev = &self.tun.dev;
        if dev.is_empty() || dev.len() > 15 || dev.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
            return Err(ConfigError::Device { found: dev.clone() });
        }
        if self.lighthouse.am_lighthouse && !self.lighthouse.hosts.is_empty() {
            return Err(ConfigError::LighthouseHosts(self.lighthouse.hosts.len()));
        }
        if self.relay.am_relay && !self.relay.relays.is_empty() {
            return Err(ConfigError::RelayRelays(self.relay.relays.len()));
        }
        for rule in self.firewall.outbound.iter().chain(&self.firewall.inbound) {
            match &rule.peer {
                Peer::Host(name) if name.is_empty() => return Err(ConfigError::Empty("the host of a rule")),
                Peer::Group(group) if group.is_empty() => return Err(ConfigError::Empty("the group of a rule")),
                // No group at all would be no condition at all.
                Peer::AllGroups(groups) if groups.is_empty() || groups.contains("") => {
                    return Err(ConfigError::Empty("a group of a rule"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The largest unit that divides it, down to milliseconds: `120h`, `3m`, `1s`, `250ms`.
pub(super) fn to_go(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_millis() != 0 {
        format!("{}ms", duration.as_millis())
    } else if seconds != 0 && seconds.is_multiple_of(3600) {
        format!("{}h", seconds / 3600)
    } else if seconds != 0 && seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_their_largest_unit() {
        let texts = [0, 1, 90, 180, 432_000].map(|seconds| to_go(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "1s", "90s", "3m", "120h"]);
        assert_eq!(to_go(Duration::from_millis(250)), "250ms");
    }
}
