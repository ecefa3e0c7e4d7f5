//! A static network as the file that a network daemon reads.
//!
//! In: a network. Out: one file. Ignition has no word for networks, so the file says what cloud-init's renderer would
//! have said. Absent on purpose: bonds, bridges, VLANs, and the network that a config is fetched over: this file is read
//! after Ignition has run.

use std::fmt::Write;
use std::net::IpAddr;

use crate::host::{File, InterfaceMatch, Network};
use crate::os::NetworkDaemon;

const HEAD: &str = "# Made by kubespore; edit the profile, not this file.\n";

/// Makes the daemon's file.
pub fn file(network: &Network, daemon: NetworkDaemon) -> File {
    match daemon {
        // systemd-networkd reads as its own user.
        NetworkDaemon::Networkd => File::new("/etc/systemd/network/20-kubespore.network", 0o644, networkd(network)),
        // NetworkManager ignores a keyfile that others than root could read (nm-settings-keyfile(5)).
        NetworkDaemon::NetworkManager => {
            File::new("/etc/NetworkManager/system-connections/kubespore.nmconnection", 0o600, keyfile(network))
        }
    }
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// systemd.network(5).
fn networkd(network: &Network) -> String {
    let mut text = format!("{HEAD}[Match]\n");
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    // Pods' interfaces may look alike: only a physical one has no kind.
    const PHYSICAL: &str = "Type=ether\nKind=!*";
    match &network.matching {
        InterfaceMatch::Mac(mac) => line(&format!("MACAddress={mac}\n{PHYSICAL}")),
        InterfaceMatch::Name(name) if is_glob(name) => line(&format!("Name={name}\n{PHYSICAL}")),
        InterfaceMatch::Name(name) => line(&format!("Name={name}")),
    }
    if let Some(mtu) = network.mtu {
        line(&format!("\n[Link]\nMTUBytes={mtu}"));
    }
    line("\n[Network]\nDHCP=no");
    for address in &network.addresses {
        line(&format!("Address={address}"));
    }
    for gateway in &network.gateways {
        line(&format!("Gateway={gateway}"));
    }
    for server in &network.nameservers {
        line(&format!("DNS={server}"));
    }
    if !network.search.is_empty() {
        line(&format!("Domains={}", network.search.join(" ")));
    }
    for (destination, via) in &network.routes {
        line(&format!("\n[Route]\nDestination={destination}\nGateway={via}"));
    }
    text
}

/// nm-settings-keyfile(5). A resolver of a family without addresses is left out: it could not be reached, and
/// NetworkManager refuses a keyfile that names one.
fn keyfile(network: &Network) -> String {
    let mut text = format!("{HEAD}[connection]\nid=kubespore\ntype=ethernet\n");
    let put =
        |text: &mut String, line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("writing to a string cannot fail");
    match &network.matching {
        InterfaceMatch::Name(name) if !is_glob(name) => put(&mut text, format_args!("interface-name={name}")),
        _ => {}
    }
    text.push_str("\n[ethernet]\n");
    if let InterfaceMatch::Mac(mac) = &network.matching {
        put(&mut text, format_args!("mac-address={mac}"));
    }
    if let Some(mtu) = network.mtu {
        put(&mut text, format_args!("mtu={mtu}"));
    }
    match &network.matching {
        InterfaceMatch::Name(name) if is_glob(name) => put(&mut text, format_args!("\n[match]\ninterface-name={name};")),
        _ => {}
    }
    for (section, family) in [("ipv4", IpAddr::is_ipv4 as fn(&IpAddr) -> bool), ("ipv6", IpAddr::is_ipv6)] {
        put(&mut text, format_args!("\n[{section}]"));
        let addresses: Vec<_> = network.addresses.iter().filter(|address| family(&address.addr())).collect();
        if addresses.is_empty() {
            // A family without addresses: nothing for IPv4, the kernel's link-local address for IPv6.
            put(&mut text, format_args!("method={}", if section == "ipv4" { "disabled" } else { "link-local" }));
            continue;
        }
        put(&mut text, format_args!("method=manual"));
        for (place, address) in addresses.iter().enumerate() {
            put(&mut text, format_args!("address{}={address}", place + 1));
        }
        for gateway in network.gateways.iter().filter(|gateway| family(gateway)) {
            put(&mut text, format_args!("gateway={gateway}"));
        }
        for (place, (destination, via)) in network.routes.iter().filter(|(_, via)| family(via)).enumerate() {
            put(&mut text, format_args!("route{}={destination},{via}", place + 1));
        }
        let servers: String =
            network.nameservers.iter().filter(|server| family(server)).map(|server| format!("{server};")).collect();
        if !servers.is_empty() {
            put(&mut text, format_args!("dns={servers}"));
        }
        if !network.search.is_empty() {
            let domains: String = network.search.iter().map(|domain| format!("{domain};")).collect();
            put(&mut text, format_args!("dns-search={domains}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(matching: InterfaceMatch) -> Network {
        Network {
            matching,
            addresses: vec!["10.0.0.11/24".parse().expect("an address"), "fd00::11/64".parse().expect("an address")],
            gateways: vec!["10.0.0.1".parse().expect("an address"), "fd00::1".parse().expect("an address")],
            routes: vec![("10.9.0.0/16".parse().expect("a range"), "10.0.0.9".parse().expect("an address"))],
            nameservers: vec!["10.0.0.2".parse().expect("an address"), "fd00::2".parse().expect("an address")],
            search: vec!["lab".into(), "corp.lab".into()],
            mtu: Some(1400),
        }
    }

    fn text(network: &Network, daemon: NetworkDaemon) -> String {
        String::from_utf8(file(network, daemon).content.to_vec()).expect("text")
    }

    #[test]
    fn networkd_reads_sections() {
        let both = network(InterfaceMatch::Mac("52:54:00:12:34:56".parse().expect("a MAC")));
        assert_eq!(
            text(&both, NetworkDaemon::Networkd),
            "# Made by kubespore; edit the profile, not this file.\n\
             [Match]\nMACAddress=52:54:00:12:34:56\nType=ether\nKind=!*\n\n\
             [Link]\nMTUBytes=1400\n\n\
             [Network]\nDHCP=no\nAddress=10.0.0.11/24\nAddress=fd00::11/64\nGateway=10.0.0.1\nGateway=fd00::1\n\
             DNS=10.0.0.2\nDNS=fd00::2\nDomains=lab corp.lab\n\n\
             [Route]\nDestination=10.9.0.0/16\nGateway=10.0.0.9\n"
        );
        assert!(text(&network(InterfaceMatch::Name("ens3".into())), NetworkDaemon::Networkd).contains("[Match]\nName=ens3\n\n"));
    }

    #[test]
    fn network_manager_reads_families() {
        let both = network(InterfaceMatch::Name("e*".into()));
        assert_eq!(
            text(&both, NetworkDaemon::NetworkManager),
            "# Made by kubespore; edit the profile, not this file.\n\
             [connection]\nid=kubespore\ntype=ethernet\n\n\
             [ethernet]\nmtu=1400\n\n\
             [match]\ninterface-name=e*;\n\n\
             [ipv4]\nmethod=manual\naddress1=10.0.0.11/24\ngateway=10.0.0.1\nroute1=10.9.0.0/16,10.0.0.9\ndns=10.0.0.2;\n\
             dns-search=lab;corp.lab;\n\n\
             [ipv6]\nmethod=manual\naddress1=fd00::11/64\ngateway=fd00::1\ndns=fd00::2;\ndns-search=lab;corp.lab;\n"
        );
        let mut four = network(InterfaceMatch::Name("ens3".into()));
        four.addresses.truncate(1);
        let four = text(&four, NetworkDaemon::NetworkManager);
        assert!(four.contains("interface-name=ens3\n"), "{four}");
        assert!(four.ends_with("[ipv6]\nmethod=link-local\n"), "{four}");
    }
}
