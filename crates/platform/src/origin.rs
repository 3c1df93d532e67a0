//! What work is done for: a request that somebody waits for, or an operation that outlives it. Task-local, because a call to a
//! cluster is made far below the place that knows, and both its log line and its `X-Request-Id` are to name the request.

use bnna_operations::BoxFuture;

tokio::task_local! {
    static OPERATION: ();
}

/// Does work for the request of this id: calls to clusters made by it carry the id.
pub async fn in_request<F: Future>(id: &str, work: F) -> F::Output {
    proxmox_client::in_request(id, work).await
}

/// Runs an operation that the request of this id has started.
pub(crate) fn in_operation(id: &str, work: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let id = id.to_owned();
    Box::pin(async move { OPERATION.scope((), proxmox_client::in_request(&id, work)).await })
}

/// Whether this is work of an operation.
pub(crate) fn is_operation() -> bool {
    OPERATION.try_with(|()| ()).is_ok()
}
