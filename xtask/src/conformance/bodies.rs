//! Whether an answer decodes as the typed calls of its method and path would decode it, and what is sent back means
//! the same.

use proxmox_client::call::Call;
use proxmox_client::pve::guests::{Config, LxcOptions, Options, QemuOptions};
use proxmox_client::{Method, Product, calls, lenient};
use serde_json::Value;

/// Reads the `data` of an answer with every typed call of the method and template that sends what was sent, when that is
/// known. The number of calls that read it, or what went wrong.
pub fn decode(
    product: Product,
    method: Method,
    template: &str,
    sent: Option<&Value>,
    data: &Value,
) -> Result<usize, String> {
    let mut readers = 0;
    for call in calls::find(product, method, template).filter(|call| sends(call, sent)) {
        (call.check)(data.clone()).map_err(|error| format!("{}: {error}", call.function))?;
        readers += 1;
    }
    let fault = match (product, method, template) {
        (Product::Pve, Method::Get, "/nodes/{node}/qemu/{vmid}/config") => recode::<QemuOptions>(data)?,
        (Product::Pve, Method::Get, "/nodes/{node}/lxc/{vmid}/config") => recode::<LxcOptions>(data)?,
        _ => None,
    };
    match fault {
        Some(fault) => Err(fault),
        None => Ok(readers),
    }
}

/// Whether a request with these parameters can have come from the call.
fn sends(call: &Call, sent: Option<&Value>) -> bool {
    let Some(sent) = sent.and_then(Value::as_object) else { return true };
    let in_path = |name: &str| call.template.contains(&format!("{{{name}}}"));
    (call.params)()
        .iter()
        .filter(|param| param.required && !in_path(param.name))
        .all(|param| sent.contains_key(param.name))
}

/// Reads a configuration, writes every option by its type, and looks whether anything differs.
fn recode<O: Options>(data: &Value) -> Result<Option<String>, String> {
    let config: Config<O> = lenient::from_value(data.clone()).map_err(|error| error.to_string())?;
    let keys = data.as_object().map(|object| object.len()).unwrap_or_default();
    let kept = config.options.entries().len() + config.further.len() + usize::from(config.digest.is_some());
    let nulls = data.as_object().into_iter().flatten().filter(|(_, value)| value.is_null()).count();
    if kept + nulls != keys {
        return Ok(Some(format!("{kept} of {keys} options are kept")));
    }
    Ok(config
        .options
        .misread()
        .into_iter()
        .next()
        .map(|option| format!("{option} does not survive reading and writing")))
}

/// The template that a path fits, the most particular one, among the typed calls.
pub fn template_of(product: Product, method: Method, path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |call: &&Call| {
        let template: Vec<&str> = call.template.split('/').collect();
        template.len() == parts.len()
            && template
                .iter()
                .zip(&parts)
                .all(|(known, part)| (known.starts_with('{') && !part.is_empty()) || known == part)
    };
    calls::all()
        .filter(|call| call.product == product && call.method == method)
        .filter(fits)
        .map(|call| call.template)
        .min_by_key(|template| template.matches('{').count())
}
