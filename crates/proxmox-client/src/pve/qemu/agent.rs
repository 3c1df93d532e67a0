//! The agent in a virtual machine. It answers only while the machine runs and the agent in it does.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::Qemu;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Repeated, Switch, params, words};

/// Answers of the agent are wrapped once more than others.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AgentResult<T> {
    /// The answer.
    pub result: T,
}

/// A program that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ExecStarted {
    /// Its process number in the machine.
    pub pid: i64,
}

/// How a program is, or how it ended. What it wrote is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExecStatus {
    /// Whether it has ended.
    pub exited: bool,
    /// Its exit code.
    pub exitcode: Option<i64>,
    /// The signal that ended it.
    pub signal: Option<i64>,
    /// What it wrote.
    pub out_data: Option<String>,
    /// What it wrote as errors.
    pub err_data: Option<String>,
    /// Whether there was more of the first.
    #[serde(default)]
    pub out_truncated: bool,
    /// Whether there was more of the second.
    #[serde(default)]
    pub err_truncated: bool,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileContent {
    /// The content, up to 16 MiB.
    pub content: String,
    /// Whether there was more.
    #[serde(default)]
    pub truncated: bool,
}

/// An address of a network device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentAddress {
    /// The address.
    pub ip_address: String,
    /// `ipv4` or `ipv6`.
    pub ip_address_type: String,
    /// Its prefix length.
    pub prefix: Option<u8>,
}

/// A network device as the machine sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentInterface {
    /// Its name.
    pub name: String,
    /// Its MAC address.
    pub hardware_address: Option<String>,
    /// Its addresses.
    #[serde(default)]
    pub ip_addresses: Vec<AgentAddress>,
}

/// A user who is logged in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentUser {
    /// Its name.
    pub user: String,
    /// When it logged in, Unix seconds.
    pub login_time: Option<f64>,
    /// Its domain (Windows).
    pub domain: Option<String>,
}

/// The machine's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AgentTimezone {
    /// Its name, when the machine knows it.
    pub zone: Option<String>,
    /// Seconds east of UTC.
    pub offset: i64,
}

/// A processor as the machine sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentVcpu {
    /// Its number.
    pub logical_id: u32,
    /// Whether it is used.
    pub online: bool,
    /// Whether it can be switched off.
    #[serde(default)]
    pub can_offline: bool,
}

words! {
    /// Whether file systems are held still.
    pub enum FreezeState {
        /// They are not.
        Thawed = "thawed",
        /// They are.
        Frozen = "frozen",
    }
}

params! {
    /// A program to run.
    #[derive(Debug, Clone, Default)]
    pub struct Exec {
        /// The program and its arguments.
        command: Repeated = "command",
        /// What it reads.
        input_data: Option<String> = "input-data",
    }

    /// Which program.
    #[derive(Debug, Clone, Copy)]
    pub struct ExecPid {
        /// Its process number in the machine.
        pid: i64 = "pid",
    }

    /// A file to read.
    #[derive(Debug, Clone)]
    pub struct ReadFile {
        /// Its path.
        file: String = "file",
    }

    /// A file to write, at most 60 KiB.
    #[derive(Debug, Clone)]
    pub struct WriteFile {
        /// Its path.
        file: String = "file",
        /// Its content.
        content: String = "content",
    }

    /// A password to set.
    #[derive(Debug, Clone)]
    pub struct SetUserPassword {
        /// Of which user in the machine.
        username: String = "username",
        /// The password.
        password: SecretString = "password",
        /// Whether it is a hash already.
        crypted: Switch = "crypted",
    }
}

calls! { Pve:
    PING "qemu(n, id).agent_ping" = Post "/nodes/{node}/qemu/{vmid}/agent/ping" () -> AgentResult<Value>;
    EXEC "qemu(n, id).agent_exec" = Post "/nodes/{node}/qemu/{vmid}/agent/exec" (Exec) -> ExecStarted;
    EXEC_STATUS "qemu(n, id).agent_exec_status" = Get "/nodes/{node}/qemu/{vmid}/agent/exec-status" (ExecPid) -> ExecStatus;
    READ "qemu(n, id).agent_read_file" = Get "/nodes/{node}/qemu/{vmid}/agent/file-read" (ReadFile) -> FileContent;
    WRITE "qemu(n, id).agent_write_file" = Post "/nodes/{node}/qemu/{vmid}/agent/file-write" (WriteFile) -> ();
    PASSWORD "qemu(n, id).agent_set_password" = Post "/nodes/{node}/qemu/{vmid}/agent/set-user-password" (SetUserPassword) -> ();
    INTERFACES "qemu(n, id).agent_interfaces" = Get "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces" () -> AgentResult<Vec<AgentInterface>>;
    OS_INFO "qemu(n, id).agent_os_info" = Get "/nodes/{node}/qemu/{vmid}/agent/get-osinfo" () -> AgentResult<BTreeMap<String, Value>>;
    HOST_NAME "qemu(n, id).agent_host_name" = Get "/nodes/{node}/qemu/{vmid}/agent/get-host-name" () -> AgentResult<BTreeMap<String, Value>>;
    FS_INFO "qemu(n, id).agent_file_systems" = Get "/nodes/{node}/qemu/{vmid}/agent/get-fsinfo" () -> AgentResult<Value>;
    FSTRIM "qemu(n, id).agent_fstrim" = Post "/nodes/{node}/qemu/{vmid}/agent/fstrim" () -> AgentResult<Value>;
    FREEZE "qemu(n, id).agent_freeze" = Post "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-freeze" () -> AgentResult<u64>;
    FREEZE_STATE "qemu(n, id).agent_freeze_state" = Post "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-status" () -> AgentResult<FreezeState>;
    THAW "qemu(n, id).agent_thaw" = Post "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-thaw" () -> AgentResult<u64>;
    USERS "qemu(n, id).agent_users" = Get "/nodes/{node}/qemu/{vmid}/agent/get-users" () -> AgentResult<Vec<AgentUser>>;
    TIME "qemu(n, id).agent_time" = Get "/nodes/{node}/qemu/{vmid}/agent/get-time" () -> AgentResult<u64>;
    TIMEZONE "qemu(n, id).agent_timezone" = Get "/nodes/{node}/qemu/{vmid}/agent/get-timezone" () -> AgentResult<AgentTimezone>;
    VCPUS "qemu(n, id).agent_vcpus" = Get "/nodes/{node}/qemu/{vmid}/agent/get-vcpus" () -> AgentResult<Vec<AgentVcpu>>;
    INFO "qemu(n, id).agent_info" = Get "/nodes/{node}/qemu/{vmid}/agent/info" () -> AgentResult<BTreeMap<String, Value>>;
    SHUTDOWN "qemu(n, id).agent_shutdown" = Post "/nodes/{node}/qemu/{vmid}/agent/shutdown" () -> Option<AgentResult<Value>>;
}

impl Qemu<'_> {
    /// Whether the agent answers.
    ///
    /// # Errors
    /// Any failure of the call; 500 when there is no agent or it does not answer.
    pub async fn agent_ping(&self) -> Result<()> {
        self.connection.send(&PING, &self.args(), &()).await.map(drop)
    }

    /// Runs a program. Ask [`Self::agent_exec_status`] what became of it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_exec(&self, params: &Exec) -> Result<ExecStarted> {
        self.connection.send(&EXEC, &self.args(), params).await
    }

    /// How a program is. What it wrote is gone after it was told once.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_exec_status(&self, started: ExecStarted) -> Result<ExecStatus> {
        self.connection.send(&EXEC_STATUS, &self.args(), &ExecPid { pid: started.pid }).await
    }

    /// Reads a file of the machine.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_read_file(&self, file: &str) -> Result<FileContent> {
        self.connection.send(&READ, &self.args(), &ReadFile { file: file.to_owned() }).await
    }

    /// Writes a file of the machine, at most 60 KiB.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_write_file(&self, params: &WriteFile) -> Result<()> {
        self.connection.send(&WRITE, &self.args(), params).await
    }

    /// Sets a user's password in the machine.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_set_password(&self, params: &SetUserPassword) -> Result<()> {
        self.connection.send(&PASSWORD, &self.args(), params).await
    }

    /// The machine's network devices and addresses.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_interfaces(&self) -> Result<Vec<AgentInterface>> {
        self.connection.send(&INTERFACES, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// What operating system the machine has.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_os_info(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&OS_INFO, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// The machine's host name, as `host-name`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_host_name(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&HOST_NAME, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// The machine's file systems.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_file_systems(&self) -> Result<Value> {
        self.connection.send(&FS_INFO, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// Gives unused blocks of the machine's file systems back.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_fstrim(&self) -> Result<Value> {
        self.connection.send(&FSTRIM, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// Holds the machine's file systems still, and says how many. Thaw them soon: nothing is written meanwhile.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_freeze(&self) -> Result<u64> {
        self.connection.send(&FREEZE, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// Whether the machine's file systems are held still.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_freeze_state(&self) -> Result<FreezeState> {
        self.connection.send(&FREEZE_STATE, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// Lets the machine's file systems go on, and says how many.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_thaw(&self) -> Result<u64> {
        self.connection.send(&THAW, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// Who is logged in.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_users(&self) -> Result<Vec<AgentUser>> {
        self.connection.send(&USERS, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// The machine's clock, nanoseconds since the beginning of 1970.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_time(&self) -> Result<u64> {
        self.connection.send(&TIME, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// The machine's time zone.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_timezone(&self) -> Result<AgentTimezone> {
        self.connection.send(&TIMEZONE, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// The machine's processors.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_vcpus(&self) -> Result<Vec<AgentVcpu>> {
        self.connection.send(&VCPUS, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// The agent itself: its `version` and `supported_commands`.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_info(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&INFO, &self.args(), &()).await.map(|wrapped| wrapped.result)
    }

    /// Has the machine shut itself down. The agent need not answer; look at the machine's status.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn agent_shutdown(&self) -> Result<()> {
        self.connection.send(&SHUTDOWN, &self.args(), &()).await.map(drop)
    }
}
