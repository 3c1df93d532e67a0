//! What the tests of this crate share: one server a test binary, names, and entering as a tenant.
#![allow(dead_code, unreachable_pub)]

use std::sync::{Arc, Weak};

use bnna_db_engine::servers::{MariaDbOptions, MariaDbServer};
use bnna_db_engine::{Engine, EngineKind, Error, Login, Marker, Password, Session, Tenancy};
use bnna_db_mariadb::MariaDb;
use tokio::sync::Mutex;

/// The server that tests running at the same time share. It ends with the last of them.
pub async fn server() -> Arc<MariaDbServer> {
    static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(MariaDbServer::start(MariaDbOptions::default()).await.unwrap());
    *shared = Arc::downgrade(&server);
    server
}

pub fn tenancy(name: &str) -> Tenancy {
    Tenancy::new(EngineKind::MariaDb, name, Marker::new("tests").unwrap()).unwrap()
}

pub async fn make(engine: &MariaDb, name: &str) -> (Tenancy, Password) {
    let (tenancy, password) = (tenancy(name), Password::generate().unwrap());
    bnna_db_engine::provision::create(engine, &tenancy, &password).await.unwrap();
    (tenancy, password)
}

pub async fn enter(engine: &MariaDb, tenancy: &Tenancy, password: &Password) -> Result<Box<dyn Session>, Error> {
    let login = Login { database: tenancy.database.clone(), user: tenancy.user.clone(), password: password.clone() };
    engine.log_in(&login).await
}

/// The administrator's own session, in a tenancy's database.
pub async fn administrator(server: &MariaDbServer, tenancy: &Tenancy) -> Box<dyn Session> {
    let target = server.target();
    let login = Login {
        database: tenancy.database.clone(),
        user: bnna_db_engine::UserName::existing(EngineKind::MariaDb, &target.admin_user).unwrap(),
        password: Password::new(target.password()).unwrap(),
    };
    MariaDb::new(target).log_in(&login).await.unwrap()
}
