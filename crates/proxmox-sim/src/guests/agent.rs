//! The agent inside a virtual machine: a little world of files, accounts and programs for those who talk to it.
//!
//! It answers when the VM's configuration says that it has one, it runs, and the machines are of a kind whose guests have one
//! ([`crate::state::behaviour::Behaviour::guest_agents`]). Programs are a handful of builtins; others are not found, as in a small image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Guest;
use super::property::Property;

/// The largest file, bytes.
const FILE_LIMIT: usize = 16 << 20;
/// So many files and ended programs are kept.
const KEPT: usize = 1000;

/// What the agent of one VM knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Files that were written, by path.
    pub files: BTreeMap<String, String>,
    /// Users whose password was set.
    pub users: Vec<String>,
    /// File systems are frozen.
    pub frozen: bool,
    programs: BTreeMap<i64, Ended>,
    last_pid: i64,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code.
    pub code: i64,
    /// What it wrote.
    pub out: String,
    /// What it wrote as errors.
    pub err: String,
}

impl Agent {
    /// Runs a program; its process number.
    pub fn exec(&mut self, host: &str, command: &[String], input: &str) -> i64 {
        self.last_pid = self.last_pid.max(600) + 1;
        let ended = self.run(host, command, input);
        if self.programs.len() >= KEPT {
            self.programs.pop_first();
        }
        self.programs.insert(self.last_pid, ended);
        self.last_pid
    }

    fn run(&self, host: &str, command: &[String], input: &str) -> Ended {
        let (name, args) = match command.split_first() {
            Some((first, rest)) => (first.rsplit('/').next().unwrap_or_default(), rest),
            None => ("", [].as_slice()),
        };
        let ok = |out: String| Ended { code: 0, out, err: String::new() };
        match name {
            "true" | "sync" => ok(String::new()),
            "false" => Ended { code: 1, out: String::new(), err: String::new() },
            "echo" => ok(args.join(" ") + "\n"),
            "hostname" => ok(format!("{host}\n")),
            "whoami" => ok("root\n".to_owned()),
            "uname" => ok("Linux\n".to_owned()),
            "cat" if args.is_empty() => ok(input.to_owned()),
            "cat" => {
                let read: Result<String, String> = args.iter().map(|path| self.read(host, path)).collect();
                read.map_or_else(|err| Ended { code: 1, out: String::new(), err: format!("cat: {err}\n") }, ok)
            }
            _ => Ended { code: 127, out: String::new(), err: format!("{name}: command not found\n") },
        }
    }

    /// How a program ended; it is told once.
    pub fn ended(&mut self, pid: i64) -> Option<Ended> {
        self.programs.remove(&pid)
    }

    /// A file's content.
    ///
    /// # Errors
    /// That there is none.
    pub fn read(&self, host: &str, path: &str) -> Result<String, String> {
        match (self.files.get(path), path) {
            (Some(content), _) => Ok(content.clone()),
            (None, "/etc/hostname") => Ok(format!("{host}\n")),
            (None, _) => Err(format!("{path}: No such file or directory")),
        }
    }

    /// Writes a file.
    ///
    /// # Errors
    /// That there is no space for it.
    pub fn write(&mut self, path: &str, content: &str) -> Result<(), String> {
        let full = self.files.len() >= KEPT && !self.files.contains_key(path);
        if full || content.len() > FILE_LIMIT {
            return Err(format!("failed to open file '{path}' (mode: 'wb'): No space left on device"));
        }
        self.files.insert(path.to_owned(), content.to_owned());
        Ok(())
    }
}

/// A network device as the agent sees it: name, hardware address, addresses with their prefix lengths.
pub type Device = (String, String, Vec<(String, u8)>);

impl Guest {
    /// The network devices of a VM inside: the loopback, and one for each of its network cards, with the addresses that cloud-init gave.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        let lo = ("lo".to_owned(), "00:00:00:00:00:00".to_owned(), vec![("127.0.0.1".to_owned(), 8)]);
        let mut devices = vec![lo];
        for index in 0..32 {
            let Some(net) = self.config.get(&format!("net{index}")) else { continue };
            let mac = super::nic::QemuNic::parse(net).mac.unwrap_or_default().to_lowercase();
            let ip = self.config.get(&format!("ipconfig{index}")).map(|text| Property::parse(text, "ip"));
            let address = |key: &str| {
                let (address, prefix) = ip.as_ref()?.get(key)?.split_once('/')?;
                Some((address.to_owned(), prefix.parse().ok()?))
            };
            let addresses = ["ip", "ip6"].into_iter().filter_map(address).collect();
            devices.push((format!("eth{index}"), mac, addresses));
        }
        devices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_end_with_their_codes_and_are_told_once() {
        let mut agent = Agent::default();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let pid = agent.exec("web", &words("/bin/echo a b"), "");
        assert_eq!(agent.ended(pid), Some(Ended { code: 0, out: "a b\n".to_owned(), err: String::new() }));
        assert_eq!(agent.ended(pid), None);
        let pid = agent.exec("web", &words("mkfs /dev/sda"), "");
        assert_eq!(agent.ended(pid).map(|ended| ended.code), Some(127));
        agent.write("/root/x", "hello").unwrap();
        let pid = agent.exec("web", &words("cat /root/x /etc/hostname"), "");
        assert_eq!(agent.ended(pid).map(|ended| ended.out), Some("helloweb\n".to_owned()));
        assert!(agent.read("web", "/nosuch").is_err());
    }
}
