//! What the network answers: API servers, etcd's gateway, empty-notices, and the load balancer between.
//!
//! In: one call of curl or `openssl s_client`. Out: what those print and exit with; a body goes to curl's file. Absent
//! on purpose: TLS itself; real curl and openssl meet a real etcd in the conformance tests.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::commands::option;
use super::process::Answer;
use super::seed::TOKEN;
use super::world::{Doing, MINTED, Member, World};

/// How long a leaf certificate lives, in seconds.
const LEAF_LIFE: u64 = 365 * 86_400;

/// What a request came to: curl's exit code, HTTP's, a body, a reason, and how long it took in milliseconds.
struct Reply {
    code: i32,
    http: u16,
    body: String,
    why: &'static str,
    takes: u64,
}

impl Reply {
    fn http(http: u16, body: impl Into<String>) -> Self {
        Self { code: 0, http, body: body.into(), why: "", takes: 0 }
    }

    fn fails(code: i32, why: &'static str, takes: u64) -> Self {
        Self { code, http: 0, body: String::new(), why, takes }
    }

    fn refused() -> Self {
        Self::fails(7, "curl: (7) Failed to connect: Connection refused", 0)
    }

    fn silence() -> Self {
        Self::fails(28, "curl: (28) Connection timed out after 5001 milliseconds", 5_000)
    }

    fn unreachable() -> Self {
        Self::fails(7, "curl: (7) Failed to connect: No route to host", 3_200)
    }

    fn closed() -> Self {
        Self::fails(35, "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL", 0)
    }

    fn foreign() -> Self {
        Self::fails(60, "curl: (60) SSL certificate problem: self-signed certificate in certificate chain", 0)
    }
}

/// Which API server kubeadm and kubectl reach from a control plane: they ask the endpoint, as `admin.conf` says.
pub fn by_endpoint(world: &World, place: usize) -> Option<usize> {
    let own = world.plan.balancer().is_none() || world.read(place, "etc/hosts").contains("# kubespore pin");
    if own { Some(place).filter(|place| world.ready(*place)) } else { world.backend(place) }
}

/// Serves one curl.
pub fn curl(world: &mut World, place: usize, arguments: &[&str]) -> Doing {
    let url = *arguments.last().expect("a URL");
    let reply = request(world, place, url, arguments);
    if let Some(path) = option(arguments, "--output") {
        fs::write(path, &reply.body).expect("curl's output file");
    }
    let answer = Answer { code: reply.code, out: format!("{:03}", reply.http), err: reply.why.to_owned() };
    if reply.takes == 0 { Doing::Now(answer) } else { Doing::Later(reply.takes, answer) }
}

fn request(world: &mut World, place: usize, url: &str, arguments: &[&str]) -> Reply {
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (authority, path) = rest.split_once('/').expect("a path");
    let (host, port) = authority.rsplit_once(':').expect("a port");
    let address = match option(arguments, "--resolve") {
        Some(pin) if pin.starts_with(&format!("{host}:{port}:")) => &pin[host.len() + port.len() + 2..],
        _ if host == "api.lab" && world.read(place, "etc/hosts").contains("# kubespore pin") => {
            world.breaks(format!("{} asks itself by its own pin", world.machines[place].name));
            &world.machines[place].address.clone()
        }
        _ if host == "api.lab" => "10.0.0.10",
        _ => host,
    };
    if let Some((code, why)) = world.curl_says.get(&format!("{address}:{port}")) {
        return Reply::fails(*code, why, if *code == 28 { 5_000 } else { 0 });
    }
    if address == "10.0.0.10" {
        return balanced(world, place, path, arguments);
    }
    let to =
        if address == "127.0.0.1" { Some(place) } else { world.machines.iter().position(|machine| machine.address == address) };
    let Some(to) = to else {
        return Reply::fails(6, "curl: (6) Could not resolve host", 0);
    };
    if to != place {
        if !world.reach(place, to) {
            return Reply::silence();
        }
        if !world.machines[to].powered {
            return Reply::unreachable();
        }
    }
    match (scheme, port) {
        ("http", "6442") if world.machines[to].notice => Reply::http(200, notice(world, to)),
        ("https", "6443") if world.machines[to].foreign => Reply::foreign(),
        ("https", "6443") if world.machines[to].api.is_some() => api(world, place, to, path, arguments),
        ("https", "2379") if world.machines[to].etcd_inside && address != "127.0.0.1" => Reply::refused(),
        ("https", "2379") if world.machines[to].etcd.is_some() => etcd(world, place, to, path, arguments),
        _ => Reply::refused(),
    }
}

fn balanced(world: &mut World, place: usize, path: &str, arguments: &[&str]) -> Reply {
    let balancer = &world.balancer;
    if world.machines[place].island != balancer.island {
        Reply::silence()
    } else if !balancer.up {
        Reply::unreachable()
    } else if balancer.drops {
        Reply::silence()
    } else if balancer.foreign {
        Reply::foreign()
    } else {
        match world.backend(place) {
            Some(to) => api(world, place, to, path, arguments),
            None => Reply::closed(),
        }
    }
}

/// The answer of the real script behind the notice's socket.
fn notice(world: &World, to: usize) -> String {
    let root = &world.machines[to].root;
    let mut child = Command::new("/bin/sh")
        .arg(root.join("etc/kubespore/notice"))
        .env("KUBESPORE_ROOT", root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the notice runs");
    let mut request = child.stdin.take().expect("its standard input");
    std::io::Write::write_all(&mut request, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request taken");
    drop(request);
    let output = child.wait_with_output().expect("the notice ends");
    let text = String::from_utf8(output.stdout).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "the notice's head: {head}");
    body.to_owned()
}

/// What curl says of a certificate's dates, by the clock of who looks.
fn dates(world: &World, place: usize) -> Option<Reply> {
    let clock = world.clock(place);
    if clock + 86_400 < MINTED {
        return Some(Reply::fails(60, "curl: (60) SSL certificate problem: certificate is not yet valid", 0));
    }
    (clock > MINTED + LEAF_LIFE).then(|| Reply::fails(60, "curl: (60) SSL certificate problem: certificate has expired", 0))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    Joiner,
    Trusted,
}

fn caller(arguments: &[&str]) -> Caller {
    let config = option(arguments, "--config").map(|path| fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
    if config.contains(&format!("Bearer {TOKEN}")) {
        return Caller::Joiner;
    }
    let key = config.lines().find_map(|line| line.strip_prefix("key = \"")?.strip_suffix('"'));
    match key.map(|path| fs::read_to_string(path).unwrap_or_default()) {
        Some(text) if text.contains("SECRET-key") => Caller::Joiner,
        Some(text) if text.contains("SECRET") => Caller::Trusted,
        _ => Caller::Nobody,
    }
}

fn api(world: &mut World, place: usize, to: usize, path: &str, arguments: &[&str]) -> Reply {
    if let Some(reply) = dates(world, place) {
        return reply;
    }
    let caller = caller(arguments);
    if path == "readyz" {
        if caller == Caller::Nobody && !world.plan.anonymous {
            return Reply::http(401, "Unauthorized");
        }
        return if world.ready(to) { Reply::http(200, "ok") } else { Reply::http(500, "[-]etcd failed") };
    }
    let Some(cluster) = world.cluster_at(to).filter(|_| world.ready(to)) else {
        return Reply::http(500, "etcdserver: request timed out");
    };
    if caller == Caller::Nobody || (caller == Caller::Joiner && !world.credential_lives(cluster)) {
        return Reply::http(401, "Unauthorized");
    }
    if path == "api/v1/namespaces/kube-system/configmaps/kubeadm-config" {
        return Reply::http(200, "{\"kind\":\"ConfigMap\"}");
    }
    if path == "api/v1/namespaces/kube-system/secrets/kubeadm-certs" {
        let lie = world.now < world.clusters[cluster].certificates_until;
        return if lie { Reply::http(200, "{\"kind\":\"Secret\"}") } else { Reply::http(404, "{\"reason\":\"NotFound\"}") };
    }
    let name = path.strip_prefix("api/v1/nodes/").expect("a path somebody foresaw");
    // The right to read nodes comes with the door, also for a certificate that the cluster's authority vouches for.
    if caller == Caller::Joiner && !(world.plan.join_reads_nodes && world.clusters[cluster].door_open) {
        return Reply::http(403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}");
    }
    match world.clusters[cluster].nodes.get(name) {
        None => Reply::http(404, "{\"kind\":\"Status\",\"reason\":\"NotFound\"}"),
        Some(node) => {
            let ready = if world.node_ready(node) { "True" } else { "Unknown" };
            let body = json!({
                "kind": "Node",
                "metadata": { "name": name, "annotations": { "note": "a \"Ready\" word, {braces} and [brackets], \\ too" } },
                "status": {
                    "conditions": [
                        { "type": "MemoryPressure", "status": "False" },
                        { "status": ready, "type": "Ready" },
                    ],
                    "nodeInfo": { "bootID": node.boot_id, "systemUUID": "uuid" },
                },
            });
            Reply::http(200, format!("{body:#}"))
        }
    }
}

fn etcd(world: &mut World, place: usize, to: usize, path: &str, arguments: &[&str]) -> Reply {
    if let Some(reply) = dates(world, place) {
        return reply;
    }
    let key = option(arguments, "--key").map(|path| fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
    if !key.contains("SECRET") {
        return if world.etcd_tls12 { Reply::closed() } else { Reply::fails(56, "curl: (56) OpenSSL SSL_read: alert", 0) };
    }
    let (cluster, own, _) = world.data(to).expect("an etcd that runs has data");
    let header = json!({ "cluster_id": cluster.to_string(), "member_id": own.to_string() });
    let learner = world.clusters[cluster].members.iter().any(|member| member.id == own && member.learner);
    match path {
        "v3/kv/range" if learner => Reply::http(503, "{\"error\":\"etcdserver: rpc not supported for learner\"}"),
        "v3/kv/range" if !world.quorum(cluster, to) => Reply::silence(),
        "v3/kv/range" => Reply::http(200, json!({ "header": header }).to_string()),
        "v3/cluster/member/list" => Reply::http(200, list(world, cluster, &header).to_string()),
        "v3/maintenance/status" => Reply::http(200, json!({ "header": header, "leader": own.to_string() }).to_string()),
        "v3/cluster/member/remove" => remove(world, place, to, cluster, option(arguments, "--data").expect("a body")),
        "v3/cluster/member/add" => add(world, place, to, cluster, option(arguments, "--data").expect("a body")),
        "v3/cluster/member/promote" => promote(world, place, to, cluster, option(arguments, "--data").expect("a body")),
        _ => panic!("nobody foresaw etcd's {path}"),
    }
}

fn list(world: &World, cluster: usize, header: &Value) -> Value {
    let members = world.clusters[cluster].members.iter().map(|member| {
        let address = &world.machines[member.machine].address;
        let mut shown = json!({ "ID": member.id.to_string(), "peerURLs": [format!("https://{address}:2380")] });
        if !member.name.is_empty() {
            shown["name"] = json!(member.name);
            shown["clientURLs"] = json!([format!("https://{address}:2379")]);
        }
        if member.learner {
            shown["isLearner"] = json!(true);
        }
        shown
    });
    json!({ "header": header, "members": members.collect::<Vec<_>>() })
}

fn remove(world: &mut World, place: usize, to: usize, cluster: usize, body: &str) -> Reply {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let id = body["ID"].as_str().and_then(|id| id.parse::<u64>().ok()).expect("an id in a string");
    let who = world.machines[place].name.clone();
    let Some(at) = world.clusters[cluster].members.iter().position(|member| member.id == id) else {
        return Reply::http(404, "{\"error\":\"etcdserver: member not found\"}");
    };
    let member = world.clusters[cluster].members[at].clone();
    if member.machine != place {
        world.breaks(format!("I4: {who} removes the member of {}", world.machines[member.machine].name));
    }
    // A learner of ours that never came in sync still runs here; it votes for nothing.
    if world.member_lives(cluster, &member) && !(member.learner && member.machine == place) {
        world.breaks(format!("I4: {who} removes a member that lives"));
    }
    let others: Vec<_> = world.clusters[cluster].members.iter().filter(|other| other.id != id && !other.learner).collect();
    let live = others.iter().filter(|other| world.member_lives(cluster, other) && world.reach(to, other.machine)).count();
    if live <= others.len() / 2 {
        world.breaks(format!("I4: {who} removes a member where no quorum of others lives"));
    }
    if !world.quorum(cluster, to) || world.removals_fail > 0 {
        world.removals_fail = world.removals_fail.saturating_sub(1);
        return Reply::silence();
    }
    world.clusters[cluster].members.remove(at);
    world.clusters[cluster].epoch += 1;
    world.machines[place].removals += 1;
    world.note(place, &format!("removed member {id}"));
    Reply::http(200, "{\"header\":{}}")
}

fn add(world: &mut World, place: usize, to: usize, cluster: usize, body: &str) -> Reply {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let own = format!("https://{}:2380", world.machines[place].address);
    if body != json!({ "peerURLs": [own], "isLearner": true }) {
        world.breaks(format!("I4: {} adds another than itself, or a voter: {body}", world.machines[place].name));
    }
    if !world.quorum(cluster, to) {
        return Reply::silence();
    }
    let members = &world.clusters[cluster].members;
    if members.iter().any(|member| member.machine == place) {
        return Reply::http(
            409,
            "{\"error\":\"etcdserver: Peer URLs already exists\",\"message\":\"etcdserver: Peer URLs already exists\"}",
        );
    }
    if members.iter().any(|member| member.learner) {
        return Reply::http(400, "{\"message\":\"etcdserver: too many learner members in cluster\"}");
    }
    let id = world.new_id();
    world.clusters[cluster].members.push(Member { id, machine: place, name: String::new(), learner: true });
    world.clusters[cluster].epoch += 1;
    world.note(place, &format!("is a learner of cluster {cluster}"));
    Reply::http(200, "{\"header\":{}}")
}

fn promote(world: &mut World, place: usize, to: usize, cluster: usize, body: &str) -> Reply {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let id = body["ID"].as_str().and_then(|id| id.parse::<u64>().ok()).expect("an id in a string");
    let Some(at) = world.clusters[cluster].members.iter().position(|member| member.id == id) else {
        return Reply::http(404, "{\"message\":\"etcdserver: member not found\"}");
    };
    let member = world.clusters[cluster].members[at].clone();
    if member.machine != place {
        world.breaks(format!("I4: {} promotes another", world.machines[place].name));
    }
    if !world.quorum(cluster, to) {
        return Reply::silence();
    }
    if world.promotions_fail > 0 || !world.member_lives(cluster, &member) {
        world.promotions_fail = world.promotions_fail.saturating_sub(1);
        return Reply::http(412, "{\"message\":\"etcdserver: can only promote a learner member which is in sync with leader\"}");
    }
    world.clusters[cluster].members[at].learner = false;
    world.clusters[cluster].epoch += 1;
    world.note(place, &format!("votes in cluster {cluster}"));
    // It is one of those who have to agree.
    world.settle();
    Reply::http(200, "{\"header\":{}}")
}

/// What `openssl s_client` prints.
pub fn handshake(world: &World, place: usize, arguments: &[&str]) -> Answer {
    let target = option(arguments, "-connect").expect("a target");
    let (host, port) = target.rsplit_once(':').expect("a port");
    if port != "2379" {
        return Answer::out("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
    }
    let to = world.machines.iter().position(|machine| machine.address == host);
    match to {
        Some(to) if world.machines[to].etcd.is_some() && world.reach(place, to) => Answer {
            code: 1,
            out: "CONNECTED(00000003)\nVerification: OK".to_owned(),
            err: "sslv3 alert bad certificate".to_owned(),
        },
        _ => Answer::err(1, "connect: Connection refused"),
    }
}
