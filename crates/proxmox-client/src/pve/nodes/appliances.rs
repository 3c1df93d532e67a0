//! Templates of containers that Proxmox offers, and what is behind a URL before a node fetches it.

use serde::Deserialize;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::params;
use crate::tasks::TaskHandle;

/// A template that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Appliance {
    /// The file's name, by which it is fetched.
    pub template: String,
    /// What it is called.
    pub package: String,
    /// Its version.
    pub version: Option<String>,
    /// The operating system (`debian-13`).
    pub os: Option<String>,
    /// Kind (`system`, `mail`, …).
    pub section: Option<String>,
    /// In a line.
    pub headline: Option<String>,
    /// In more lines.
    pub description: Option<String>,
    /// `lxc`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Processor (`amd64`).
    pub architecture: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// The file's checksum.
    pub sha512sum: Option<String>,
}

/// What is behind a URL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct UrlMetadata {
    /// The file's name.
    pub filename: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its type.
    pub mimetype: Option<String>,
}

params! {
    /// Which template, and where to.
    #[derive(Debug, Clone)]
    pub struct DownloadAppliance {
        /// The storage.
        storage: String = "storage",
        /// The file's name.
        template: String = "template",
    }

    /// Which URL.
    #[derive(Debug, Clone)]
    pub struct UrlQuery {
        /// The URL.
        url: String = "url",
        /// Whether the certificate of the other side is looked at; it is unless this is off.
        verify_certificates: Option<bool> = "verify-certificates",
    }
}

calls! { Pve:
    LIST "node(n).appliances" = Get "/nodes/{node}/aplinfo" () -> Vec<Appliance>;
    DOWNLOAD "node(n).download_appliance" = Post "/nodes/{node}/aplinfo" (DownloadAppliance) -> Upid;
    URL "node(n).url_metadata" = Get "/nodes/{node}/query-url-metadata" (UrlQuery) -> UrlMetadata;
}

impl Node<'_> {
    /// The templates of containers that can be fetched.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn appliances(&self) -> Result<Vec<Appliance>> {
        self.connection.send(&LIST, &[self.name], &()).await
    }

    /// Has the node fetch a template, by [`Appliance::template`].
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn download_appliance(&self, storage: &str, template: &str) -> Result<TaskHandle> {
        let params = DownloadAppliance { storage: storage.to_owned(), template: template.to_owned() };
        let upid = self.connection.send(&DOWNLOAD, &[self.name], &params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// What is behind a URL, as the node sees it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn url_metadata(&self, url: &str) -> Result<UrlMetadata> {
        let query = UrlQuery { url: url.to_owned(), verify_certificates: None };
        self.connection.send(&URL, &[self.name], &query).await
    }
}
