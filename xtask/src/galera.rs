//! A Galera cluster of three nodes: what one commits the others have, and each has locks of its own.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::certificates::Certificates;
use crate::folder::{RunFolder, ServerFolder};
use crate::mariadb::{self, ERROR_LOG, SOCKET, STATEMENT_LOG, server_program};
use crate::process::{Process, Stop, Supervisor};
use crate::programs::MariadbPrograms;
use crate::server::{PASSWORD, free_ports};

/// The library that makes a server a node, in the places of distributions.
const PROVIDERS: [&str; 3] =
    ["lib/galera/libgalera_smm.so", "lib64/galera/libgalera_smm.so", "lib64/galera-4/libgalera_smm.so"];

/// A node copies all that there is from another before it is ready.
const NODE_LIMIT: Duration = Duration::from_secs(180);

/// One of the servers of the cluster.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) url: String,
    pub(crate) process: Process<'a>,
}

/// The nodes, and what they are.
#[derive(Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// Product and version, such as `3 nodes of mariadb 10.11.14 with galera`.
    pub(crate) product: String,
}

/// The ports of one node: for clients, for the others, and for both ways in which a node that joins is brought up to date.
struct NodePorts {
    sql: u16,
    group: u16,
    incremental: u16,
    whole: u16,
}

/// Starts the nodes, one after the other.
pub(crate) fn start<'a>(
    supervisor: &'a Supervisor,
    programs: &MariadbPrograms,
    run: &RunFolder<'_>,
) -> Result<Cluster<'a>> {
    let provider = PROVIDERS.iter().map(|name| programs.base.join(name)).find(|path| path.is_file());
    let provider = provider.ok_or_else(|| {
        anyhow!("libgalera_smm.so is not in {}\n\nhint: install galera-4", programs.base.display())
    })?;
    let mut free = free_ports(12)?.into_iter();
    let mut port = || free.next().ok_or_else(|| anyhow!("too few free ports on 127.0.0.1"));
    let mut ports = Vec::new();
    for _ in 0..3 {
        ports.push(NodePorts { sql: port()?, group: port()?, incremental: port()?, whole: port()? });
    }
    let mut nodes = Vec::new();
    let mut version = String::new();
    for number in 1..=ports.len() {
        let folder = run.server(&format!("node{number}"), &mariadb::account()?)?;
        let certificates = Certificates::make(&folder)?;
        let settings = mariadb::settings(folder.path(), &programs.base, &certificates)
            + &node_settings(&provider, &ports, number);
        folder.write("my.cnf", &settings)?;
        let node = start_node(supervisor, programs, &folder, &ports[number - 1], number == 1)
            .with_context(|| format!("node {number} of the Galera cluster did not start"))?;
        let client = programs.clients.join("mariadb");
        version = mariadb::check_passwords(supervisor, &client, &folder, ports[number - 1].sql)?;
        nodes.push(node);
    }
    Ok(Cluster { product: format!("{} nodes of mariadb {version} with galera", nodes.len()), nodes })
}

fn start_node<'a>(
    supervisor: &'a Supervisor,
    programs: &MariadbPrograms,
    folder: &ServerFolder,
    ports: &NodePorts,
    first: bool,
) -> Result<Node<'a>> {
    let mut server = server_program(&programs.server, folder);
    if first {
        mariadb::initialise(supervisor, programs, folder)?;
        server.arg("--wsrep-new-cluster").arg(format!("--init-file={}", mariadb::users(folder)?.display()));
    } else {
        let data = folder.join("data");
        fs::create_dir(&data).with_context(|| format!("{} cannot be made", data.display()))?;
        folder.account().own(&data)?;
    }
    folder.write(STATEMENT_LOG, "")?;
    folder.write(ERROR_LOG, "")?;
    let output = folder.output("output")?;
    server.arg("--general-log=ON").stdout(output.try_clone()?).stderr(output);
    let mut process = supervisor.spawn(&mut server, Stop::Kill)?;
    let started = Instant::now();
    while !is_synced(supervisor, programs, folder, ports.sql) {
        if let Some(status) = process.poll()? {
            bail!("it ended at once ({status}); its log:\n{}", folder.read(ERROR_LOG));
        }
        if started.elapsed() > NODE_LIMIT {
            bail!("it was not ready after {} s; its log:\n{}", NODE_LIMIT.as_secs(), folder.read(ERROR_LOG));
        }
        for _ in 0..10 {
            supervisor.pause()?;
        }
    }
    Ok(Node { url: mariadb::url(ports.sql), process })
}

fn is_synced(supervisor: &Supervisor, programs: &MariadbPrograms, folder: &ServerFolder, port: u16) -> bool {
    if !folder.join(SOCKET).exists() || !folder.read(ERROR_LOG).contains("ready for connections") {
        return false;
    }
    let sql = "SHOW STATUS LIKE 'wsrep_local_state_comment'";
    let mut client = mariadb::ask(&programs.clients.join("mariadb"), folder, port, PASSWORD, sql);
    supervisor.run(&mut client, Stop::Terminate).is_ok_and(|answer| answer.contains("Synced"))
}

fn node_settings(provider: &Path, ports: &[NodePorts], number: usize) -> String {
    let NodePorts { sql, group, incremental, whole } = &ports[number - 1];
    let others: Vec<String> = ports.iter().map(|ports| format!("127.0.0.1:{}", ports.group)).collect();
    let address = if number == 1 { String::new() } else { others.join(",") };
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}={value}");
    };
    set("port", &sql.to_string());
    set("binlog_format", "ROW");
    set("default_storage_engine", "InnoDB");
    set("innodb_autoinc_lock_mode", "2");
    set("wsrep_on", "ON");
    set("wsrep_provider", &provider.display().to_string());
    set("wsrep_cluster_name", "tests");
    set("wsrep_cluster_address", &format!("gcomm://{address}"));
    set("wsrep_node_name", &format!("node{number}"));
    set("wsrep_node_address", &format!("127.0.0.1:{group}"));
    set("wsrep_node_incoming_address", &format!("127.0.0.1:{sql}"));
    set("wsrep_sst_method", "rsync");
    set("wsrep_sst_receive_address", &format!("127.0.0.1:{whole}"));
    let provider = format!(
        "\"gmcast.listen_addr=tcp://127.0.0.1:{group}; ist.recv_addr=127.0.0.1:{incremental}; gcache.size=16M; \
         pc.recovery=false\""
    );
    set("wsrep_provider_options", &provider);
    text
}
