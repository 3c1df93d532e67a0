//! Realms: where users come from. `pam` and `pve` are always there; directories (LDAP, Active Directory) and `OpenID` providers can be added.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::Access;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, constants, nested, params, words};
use crate::tasks::TaskHandle;

/// A row of the list of realms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RealmRow {
    /// Its id.
    pub realm: String,
    /// `pam`, `pve`, `ldap`, `ad` or `openid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Remark.
    pub comment: Option<String>,
    /// Whether it is offered first.
    #[serde(default)]
    pub default: bool,
    /// The second factor it asks for.
    pub tfa: Option<String>,
}

constants! {
    /// The realm is an LDAP directory.
    pub struct LdapType: Text = "ldap";
    /// The realm is an Active Directory.
    pub struct AdType: Text = "ad";
    /// The realm is an `OpenID` Connect provider.
    pub struct OpenIdType: Text = "openid";
}

words! {
    /// How a directory is spoken to.
    pub enum DirectoryMode {
        /// In clear.
        Ldap = "ldap",
        /// TLS from the beginning.
        Ldaps = "ldaps",
        /// TLS after a word in clear.
        StartTls = "ldap+starttls",
    }

    /// What is taken from a directory.
    pub enum SyncScope {
        /// Users.
        Users = "users",
        /// Groups.
        Groups = "groups",
        /// Both.
        Both = "both",
    }
}

params! {
    /// What LDAP and Active Directory realms have in common.
    #[derive(Debug, Clone, Default)]
    pub struct DirectorySettings {
        /// A second server, asked when the first does not answer.
        server2: Option<String> = "server2",
        /// Port; the usual one unless set.
        port: Option<u16> = "port",
        /// How it is spoken to.
        mode: Option<DirectoryMode> = "mode",
        /// Whether its certificate is checked.
        verify: Option<bool> = "verify",
        /// The authorities that may have made its certificate: a path on the nodes.
        capath: Option<String> = "capath",
        /// Who asks it for users.
        bind_dn: Option<String> = "bind_dn",
        /// The password of that.
        password: Option<SecretString> = "password",
        /// Which users there are for sync.
        filter: Option<String> = "filter",
        /// Which groups there are for sync.
        group_filter: Option<String> = "group_filter",
        /// Where the groups are.
        group_dn: Option<String> = "group_dn",
        /// Which properties of users are taken over (`email=mail,firstname=givenName`).
        sync_attributes: Option<String> = "sync_attributes",
        /// How sync goes unless told otherwise (`scope=users,remove-vanished=none`).
        sync_defaults: Option<String> = "sync-defaults-options",
        /// Whether upper and lower case differ in names.
        case_sensitive: Option<bool> = "case-sensitive",
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it is offered first.
        default: Option<bool> = "default",
        /// The second factor it asks for (`type=oath,step=30,digits=6`).
        tfa: Option<String> = "tfa",
    }

    /// A new realm on an LDAP directory.
    #[derive(Debug, Clone)]
    pub struct CreateLdapRealm {
        /// Its id.
        realm: String = "realm",
        /// Always LDAP.
        kind: LdapType = "type",
        /// The server.
        server: String = "server1",
        /// Where the users are.
        base_dn: String = "base_dn",
        /// Which property of a user is its name (`uid`).
        user_attr: String = "user_attr",
        /// Everything else.
        settings: DirectorySettings = "",
    }

    /// A new realm on an Active Directory.
    #[derive(Debug, Clone)]
    pub struct CreateAdRealm {
        /// Its id.
        realm: String = "realm",
        /// Always Active Directory.
        kind: AdType = "type",
        /// The server.
        server: String = "server1",
        /// The domain.
        domain: String = "domain",
        /// Everything else.
        settings: DirectorySettings = "",
    }

    /// What an `OpenID` realm may have beside its provider.
    #[derive(Debug, Clone, Default)]
    pub struct OpenIdSettings {
        /// The secret of this client at the provider.
        client_key: Option<SecretString> = "client-key",
        /// Whether users are made when they log in first.
        autocreate: Option<bool> = "autocreate",
        /// What is asked of the provider (`email profile`).
        scopes: Option<String> = "scopes",
        /// Whether it is asked to log in again (`login`, `consent`, …).
        prompt: Option<String> = "prompt",
        /// Which claim names a user's groups (PVE 9; late 8).
        groups_claim: Option<String> = "groups-claim",
        /// Whether groups are made that are not there.
        groups_autocreate: Option<bool> = "groups-autocreate",
        /// Whether a user's groups are replaced by those claimed.
        groups_overwrite: Option<bool> = "groups-overwrite",
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it is offered first.
        default: Option<bool> = "default",
    }

    /// A new realm on an `OpenID` Connect provider.
    #[derive(Debug, Clone)]
    pub struct CreateOpenIdRealm {
        /// Its id.
        realm: String = "realm",
        /// Always `OpenID`.
        kind: OpenIdType = "type",
        /// The provider.
        issuer_url: String = "issuer-url",
        /// This client's name at the provider.
        client_id: String = "client-id",
        /// Which claim is a user's name. It cannot be changed later.
        username_claim: Option<String> = "username-claim",
        /// Everything else.
        settings: OpenIdSettings = "",
    }

    /// A change of a directory's realm. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateDirectoryRealm {
        /// The server.
        server: Option<String> = "server1",
        /// Where the users are (LDAP).
        base_dn: Option<String> = "base_dn",
        /// Which property of a user is its name (LDAP).
        user_attr: Option<String> = "user_attr",
        /// The domain (Active Directory).
        domain: Option<String> = "domain",
        /// Everything else.
        settings: DirectorySettings = "",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A change of an `OpenID` realm. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateOpenIdRealm {
        /// The provider.
        issuer_url: Option<String> = "issuer-url",
        /// This client's name at the provider.
        client_id: Option<String> = "client-id",
        /// Everything else.
        settings: OpenIdSettings = "",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A change of one of the realms that are always there. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateBuiltInRealm {
        /// Remark.
        comment: Option<String> = "comment",
        /// Whether it is offered first.
        default: Option<bool> = "default",
        /// The second factor it asks for.
        tfa: Option<String> = "tfa",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// How users and groups are taken over from a directory.
    #[derive(Debug, Clone, Default)]
    pub struct SyncRealm {
        /// What is taken over.
        scope: Option<SyncScope> = "scope",
        /// What becomes of users that the directory has no longer (`acl;properties;entry`, `none`).
        remove_vanished: Option<String> = "remove-vanished",
        /// Whether new users may log in.
        enable_new: Option<bool> = "enable-new",
        /// Whether only to say what would change.
        dry_run: Switch = "dry-run",
    }
}

nested!(DirectorySettings, OpenIdSettings);

impl CreateLdapRealm {
    /// The users below `base_dn` of this server, named by their property `user_attr`.
    #[must_use]
    pub fn new(realm: &str, server: &str, base_dn: &str, user_attr: &str) -> Self {
        Self {
            realm: realm.to_owned(),
            kind: LdapType,
            server: server.to_owned(),
            base_dn: base_dn.to_owned(),
            user_attr: user_attr.to_owned(),
            settings: DirectorySettings::default(),
        }
    }
}

impl CreateAdRealm {
    /// The users of this domain.
    #[must_use]
    pub fn new(realm: &str, server: &str, domain: &str) -> Self {
        Self {
            realm: realm.to_owned(),
            kind: AdType,
            server: server.to_owned(),
            domain: domain.to_owned(),
            settings: DirectorySettings::default(),
        }
    }
}

impl CreateOpenIdRealm {
    /// The users of this provider, which knows this client as `client_id`.
    #[must_use]
    pub fn new(realm: &str, issuer_url: &str, client_id: &str) -> Self {
        Self {
            realm: realm.to_owned(),
            kind: OpenIdType,
            issuer_url: issuer_url.to_owned(),
            client_id: client_id.to_owned(),
            username_claim: None,
            settings: OpenIdSettings::default(),
        }
    }
}

calls! { Pve:
    LIST "access().realms" = Get "/access/domains" () -> Vec<RealmRow>;
    GET "access().realm" = Get "/access/domains/{realm}" () -> BTreeMap<String, Value>;
    CREATE_LDAP "access().create_ldap_realm" = Post "/access/domains" (CreateLdapRealm) -> ();
    CREATE_AD "access().create_ad_realm" = Post "/access/domains" (CreateAdRealm) -> ();
    CREATE_OPENID "access().create_openid_realm" = Post "/access/domains" (CreateOpenIdRealm) -> ();
    UPDATE_DIRECTORY "access().update_directory_realm" = Put "/access/domains/{realm}" (UpdateDirectoryRealm) -> ();
    UPDATE_OPENID "access().update_openid_realm" = Put "/access/domains/{realm}" (UpdateOpenIdRealm) -> ();
    UPDATE_BUILT_IN "access().update_built_in_realm" = Put "/access/domains/{realm}" (UpdateBuiltInRealm) -> ();
    DELETE "access().delete_realm" = Delete "/access/domains/{realm}" () -> ();
    SYNC "access().sync_realm" = Post "/access/domains/{realm}/sync" (SyncRealm) -> Upid;
}

impl Access<'_> {
    /// All realms. Anybody may ask.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn realms(&self) -> Result<Vec<RealmRow>> {
        self.connection.send(&LIST, &[], &()).await
    }

    /// The settings of one realm, by name; which there are depends on its kind.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn realm(&self, realm: &str) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&GET, &[realm], &()).await
    }

    /// Makes a realm on an LDAP directory.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one of that id.
    pub async fn create_ldap_realm(&self, realm: &CreateLdapRealm) -> Result<()> {
        self.connection.send(&CREATE_LDAP, &[], realm).await
    }

    /// Makes a realm on an Active Directory.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one of that id.
    pub async fn create_ad_realm(&self, realm: &CreateAdRealm) -> Result<()> {
        self.connection.send(&CREATE_AD, &[], realm).await
    }

    /// Makes a realm on an `OpenID` Connect provider.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one of that id.
    pub async fn create_openid_realm(&self, realm: &CreateOpenIdRealm) -> Result<()> {
        self.connection.send(&CREATE_OPENID, &[], realm).await
    }

    /// Changes a realm on an LDAP directory or an Active Directory.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_directory_realm(&self, realm: &str, change: &UpdateDirectoryRealm) -> Result<()> {
        self.connection.send(&UPDATE_DIRECTORY, &[realm], change).await
    }

    /// Changes a realm on an `OpenID` Connect provider.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_openid_realm(&self, realm: &str, change: &UpdateOpenIdRealm) -> Result<()> {
        self.connection.send(&UPDATE_OPENID, &[realm], change).await
    }

    /// Changes `pam` or `pve`.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update_built_in_realm(&self, realm: &str, change: &UpdateBuiltInRealm) -> Result<()> {
        self.connection.send(&UPDATE_BUILT_IN, &[realm], change).await
    }

    /// Removes a realm. Its users stay, and cannot log in.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_realm(&self, realm: &str) -> Result<()> {
        self.connection.send(&DELETE, &[realm], &()).await
    }

    /// Takes users and groups over from a realm's directory.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn sync_realm(&self, realm: &str, params: &SyncRealm) -> Result<TaskHandle> {
        let upid = self.connection.send(&SYNC, &[realm], params).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }
}
