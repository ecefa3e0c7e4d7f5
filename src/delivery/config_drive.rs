//! Config drive, version 2: OpenStack's layout, which many other clouds borrow.
//!
//! In: a seed. Out: an ISO 9660 image labelled `config-2`. Absent on purpose: keys and passwords in the
//! metadata; users are in the user-data.
//!
//! Sources: OpenStack Nova, "Config drives"; cloud-init, `cloudinit/sources/helpers/openstack.py`; Ignition,
//! `internal/providers/openstack` and `kubevirt`, which read `user_data` alone: an Ignition config has its own network.

use serde_json::{Value, json};

use super::{BOTH, Delivery, Seed, any, cd_rom, mac, medium};
use crate::error::Error;
use crate::host::{InterfaceMatch, Machine, Network};
use crate::image::iso9660;
use crate::net::IpNet;
use crate::platform::Format;

const LABEL: &str = "config-2";

/// For a virtual CD-ROM drive.
pub const ISO: Delivery = Delivery {
    name: "config-drive",
    file: "config-drive.iso",
    formats: BOTH,
    found_by: any,
    needs_mac: true,
    how: |os| medium(os, cd_rom(LABEL), "`openstack` or `kubevirt`"),
    make: image,
};

fn image(seed: &Seed<'_>) -> Result<Vec<u8>, Error> {
    let machine = seed.machine;
    let metadata = json!({
        "uuid": machine.instance_id,
        "hostname": machine.hostname.as_str(),
        "name": machine.hostname.first_label(),
    });
    let metadata = document(&metadata);
    let vendor_data = document(&json!({}));
    let network = (seed.format() == Format::CloudInit).then(|| network_data(machine)).flatten();
    let network = network.map(|network| document(&network));
    let mut files: Vec<(&str, &[u8])> = vec![
        ("openstack/latest/meta_data.json", &metadata),
        ("openstack/latest/user_data", seed.main()),
        ("openstack/latest/vendor_data.json", &vendor_data),
    ];
    files.extend(network.as_ref().map(|network| ("openstack/latest/network_data.json", network.as_slice())));
    iso9660::write(LABEL, &files)
}

fn document(value: &Value) -> Vec<u8> {
    (serde_json::to_string_pretty(value).expect("strings and numbers always serialise") + "\n").into_bytes()
}

/// OpenStack's description of a network (Nova, `doc/api_schemas/network_data.json`); a link is known by its hardware address.
/// It has no word for search domains: cloud-init takes its own, `dns_search`, from a network (`convert_net_json`).
fn network_data(machine: &Machine) -> Option<Value> {
    let network = machine.network.as_ref()?;
    let name = InterfaceMatch::RENAMED;
    // `name` is cloud-init's own addition; without it the interface is called as the kernel did at that moment.
    let mut link = json!({"id": name, "name": name, "type": "phy", "ethernet_mac_address": mac(machine)?});
    if let Some(mtu) = network.mtu {
        link["mtu"] = mtu.into();
    }
    let mut networks: Vec<Value> =
        network.addresses.iter().enumerate().map(|(place, address)| subnet(network, place, *address)).collect();
    if let Some(first) = networks.first_mut().filter(|_| !network.search.is_empty()) {
        first["dns_search"] = network.search.clone().into();
    }
    let services: Vec<Value> =
        network.nameservers.iter().map(|server| json!({"type": "dns", "address": server.to_string()})).collect();
    Some(json!({"links": [link], "networks": networks, "services": services}))
}

fn subnet(network: &Network, place: usize, address: IpNet) -> Value {
    let v4 = address.addr().is_ipv4();
    let mask = |net: &IpNet| net.netmask().to_string();
    let default = |gateway: &std::net::IpAddr| {
        let (network, netmask) = if v4 { ("0.0.0.0", "0.0.0.0") } else { ("::", "::") };
        json!({"network": network, "netmask": netmask, "gateway": gateway.to_string()})
    };
    let gateways = network.gateways.iter().filter(|gateway| gateway.is_ipv4() == v4).map(default);
    let routes = network.routes.iter().filter(|(to, _)| to.addr().is_ipv4() == v4);
    let routes =
        routes.map(|(to, via)| json!({"network": to.addr().to_string(), "netmask": mask(to), "gateway": via.to_string()}));
    json!({
        "id": format!("network{place}"),
        "link": InterfaceMatch::RENAMED,
        "type": if v4 { "ipv4" } else { "ipv6" },
        "ip_address": address.addr().to_string(),
        "netmask": mask(&address),
        "routes": gateways.chain(routes).collect::<Vec<_>>(),
    })
}
