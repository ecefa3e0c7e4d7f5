"""What the measurements are made on: a profile of any size, and a way to run a program that must succeed."""

import os
import subprocess
import sys

HEAD = """apiVersion: kubespore/v1
cluster: bench
kubernetesVersion: 1.36.2
controlPlaneEndpoint: api.bench.internal:6443
networking: {podSubnet: 10.128.0.0/9, serviceSubnet: 10.96.0.0/12}
loadBalancer: {kind: haproxy}
cni: none
nodes:
  - {name: lb-1, role: load-balancer, address: 10.0.0.10/16, mac: "52:54:00:00:00:10"}
  - {name: cp-1, role: control-plane, address: 10.0.0.11/16, mac: "52:54:00:00:00:11"}
  - {name: cp-2, role: control-plane, address: 10.0.0.12/16, mac: "52:54:00:00:00:12"}
  - {name: cp-3, role: control-plane, address: 10.0.0.13/16, mac: "52:54:00:00:00:13"}
"""


def profile(folder, workers):
    """Writes a profile of a load balancer, three control planes and so many workers into `folder`; returns its path."""
    path = os.path.join(folder, f"workers-{workers}.yaml")
    with open(path, "w") as out:
        out.write(HEAD)
        for place in range(workers):
            high, low = divmod(place, 200)
            out.write(f'  - {{name: worker-{place + 1}, role: worker, address: 10.0.{high + 1}.{low + 1}/16, mac: "52:54:00:01:{high:02x}:{low:02x}"}}\n')
    return path


def run(*command):
    """Runs a command to its end; one that fails ends the measurement."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)}: {done.stderr}")
    return done.stdout
