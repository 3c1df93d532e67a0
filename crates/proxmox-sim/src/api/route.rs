//! Finding the endpoint that a verb and a path mean.

use std::collections::BTreeMap;

use super::Endpoint;

/// All endpoints, as a tree by path component.
#[derive(Debug, Default)]
pub struct Table {
    root: Branch,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Default)]
struct Branch {
    literal: BTreeMap<String, Branch>,
    parameter: Option<Box<Branch>>,
    rest: BTreeMap<String, usize>,
    here: BTreeMap<String, usize>,
}

impl Table {
    /// Everything that a simulated PVE node answers.
    #[must_use]
    pub fn pve() -> Self {
        let mut table = Self::default();
        table.extend(super::described::endpoints());
        table.extend(super::version::endpoints());
        table.extend(super::access::endpoints());
        table.extend(super::pools::endpoints());
        table.simulate(super::directories::CALLS.iter().copied());
        super::nodes::simulate(&mut table);
        super::cluster::simulate(&mut table);
        super::guests::simulate(&mut table);
        super::qemu::simulate(&mut table);
        super::lxc::simulate(&mut table);
        super::storage::simulate(&mut table);
        super::ceph::simulate(&mut table);
        table.simulate(super::sdn::calls());
        table.simulate(super::ha::calls());
        table.simulate(super::datacenter::calls());
        table.simulate(super::network::calls());
        for (method, template, handler) in super::firewall::calls() {
            table.simulate([(method, template.as_str(), handler)]);
        }
        table
    }

    /// Adds endpoints; a later one of the same verb and path replaces an earlier one.
    pub fn extend(&mut self, endpoints: Vec<Endpoint>) {
        for endpoint in endpoints {
            let index = self.endpoints.len();
            let mut branch = &mut self.root;
            let mut rest = false;
            for part in endpoint.template.split('/').filter(|part| !part.is_empty()) {
                if part.starts_with("{*") {
                    rest = true;
                    break;
                }
                branch = if part.starts_with('{') {
                    branch.parameter.get_or_insert_default()
                } else {
                    branch.literal.entry(part.to_owned()).or_default()
                };
            }
            let slot = if rest { &mut branch.rest } else { &mut branch.here };
            slot.insert(endpoint.method.to_string(), index);
            self.endpoints.push(endpoint);
        }
    }

    /// Whether a call of this verb and template is described.
    #[must_use]
    pub fn has(&self, method: &str, template: &str) -> bool {
        let shape = |template: &str| -> Vec<String> {
            let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
            template.split('/').filter(|part| !part.is_empty()).map(part).collect()
        };
        let wanted = shape(template);
        self.endpoints.iter().any(|endpoint| endpoint.method == method && shape(&endpoint.template) == wanted)
    }

    /// The endpoint of exactly this verb and template.
    pub(super) fn find_template_mut(&mut self, method: &str, template: &str) -> Option<&mut Endpoint> {
        self.endpoints.iter_mut().rev().find(|endpoint| endpoint.method == method && endpoint.template == template)
    }

    /// All endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter()
    }

    /// The endpoint that is meant, with its path parameters.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<(&Endpoint, BTreeMap<String, String>)> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let index = lookup(&self.root, method, &parts)?;
        let endpoint = self.endpoints.get(index)?;
        let mut params = BTreeMap::new();
        for (position, name) in endpoint.template.split('/').filter(|part| !part.is_empty()).enumerate() {
            let Some(name) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else { continue };
            if let Some(name) = name.strip_prefix('*') {
                params.insert(name.to_owned(), parts.get(position..).unwrap_or_default().join("/"));
            } else {
                params.insert(name.to_owned(), parts.get(position).copied().unwrap_or_default().to_owned());
            }
        }
        Some((endpoint, params))
    }
}

fn lookup(branch: &Branch, method: &str, parts: &[&str]) -> Option<usize> {
    let Some((first, rest)) = parts.split_first() else { return branch.here.get(method).copied() };
    if let Some(next) = branch.literal.get(*first) {
        return lookup(next, method, rest);
    }
    // A component with white space is no parameter.
    let parameter = branch.parameter.as_ref().filter(|_| !first.contains(char::is_whitespace));
    parameter.and_then(|next| lookup(next, method, rest)).or_else(|| branch.rest.get(method).copied())
}
