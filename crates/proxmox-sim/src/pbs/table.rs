//! All calls of the backup server as data, and finding the one that is meant.

use super::api;
use super::call::Handler;
use super::rights::Permission;
use super::schema::Param;

/// One call of the API.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// Path template.
    pub template: &'static str,
    /// Who may make it.
    pub permission: Permission,
    /// Its parameters, path parameters included.
    pub params: Vec<Param>,
    /// First major version that has it.
    pub since: u32,
    /// What does the work.
    pub handler: Handler,
}

/// A call; without parameters and for every authenticated caller until said otherwise.
pub(super) fn call(method: &'static str, template: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method, template, permission: Permission::Anybody, params: Vec::new(), since: 0, handler }
}

impl Endpoint {
    /// Who may make it.
    pub(super) fn permission(mut self, permission: Permission) -> Self {
        self.permission = permission;
        self
    }

    /// Its parameters, path parameters included.
    pub(super) fn params(mut self, params: impl IntoIterator<Item = Param>) -> Self {
        self.params.extend(params);
        self
    }

    /// Is there from this major version on.
    pub(super) fn since(mut self, major: u32) -> Self {
        self.since = major;
        self
    }
}

/// All calls.
#[derive(Debug)]
pub(super) struct Table(Vec<Endpoint>);

impl Table {
    /// Everything that a simulated backup server answers.
    pub(super) fn new() -> Self {
        let mut all = api::index::calls();
        all.extend(api::ticket::calls());
        all.extend(api::users::calls());
        all.extend(api::tokens::calls());
        all.extend(api::acl::calls());
        all.extend(api::datastores::calls());
        all.extend(api::status::calls());
        all.extend(api::namespaces::calls());
        all.extend(api::groups::calls());
        all.extend(api::snapshots::calls());
        all.extend(api::download::calls());
        all.extend(api::prune::calls());
        all.extend(api::verify::calls());
        all.extend(api::gc::calls());
        all.extend(api::jobs::calls());
        all.extend(api::node::calls());
        all.extend(api::tasks::calls());
        Self(all)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Endpoint> {
        self.0.iter()
    }

    /// The call that a verb and a path mean, with its path parameters. Fixed components are preferred to parameters.
    pub(super) fn find(&self, major: u32, method: &str, path: &str) -> Option<(&Endpoint, Vec<(String, String)>)> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let fits = self.0.iter().filter(|call| call.method == method && call.since <= major);
        fits.filter_map(|call| Some((call, matches(call.template, &parts)?))).min_by_key(|(_, params)| params.len())
    }
}

fn matches(template: &str, parts: &[&str]) -> Option<Vec<(String, String)>> {
    let wanted: Vec<&str> = template.split('/').filter(|part| !part.is_empty()).collect();
    if wanted.len() != parts.len() {
        return None;
    }
    let mut params = Vec::new();
    for (wanted, part) in wanted.iter().zip(parts) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => params.push((name.to_owned(), (*part).to_owned())),
            None if wanted == part => {}
            None => return None,
        }
    }
    Some(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxmox_client::{Product, calls};

    #[test]
    fn every_typed_call_is_answered_with_all_its_parameters() {
        let table = Table::new();
        for typed in calls::all().filter(|call| call.product == Product::Pbs) {
            let found =
                table.0.iter().find(|call| call.method == typed.method.as_str() && call.template == typed.template);
            let Some(found) = found else { panic!("{typed:?} is not simulated") };
            for param in (typed.params)() {
                let known = found.params.iter().any(|known| known.name == param.name);
                assert!(known, "{typed:?} sends {}, which is not known", param.name);
            }
        }
    }
}
