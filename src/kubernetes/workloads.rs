//! The images that manifests name.
//!
//! In: the text of a manifest, of one or more documents. Out: image names as they are written, in order. Absent on
//! purpose: images that an operator makes up from its arguments, its environment or its own resources; no list of those
//! can be read off a manifest.

use crate::yaml::{self, Kind, Node};

/// The fields of a `PodSpec` whose entries have an `image` (`k8s.io/api/core/v1/types.go`).
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Lists the images of the pods in a manifest, wherever pods are: by themselves, in the templates of workloads, in lists
/// and in resources of one's own. A document that is no YAML has none.
#[must_use]
pub fn images(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    for document in yaml::documents(manifest).into_iter().filter_map(|(_, text)| yaml::parse(text).ok()) {
        collect(&document, &mut found);
    }
    found
}

fn collect(node: &Node, found: &mut Vec<String>) {
    match &node.kind {
        Kind::Map(pairs) => {
            for pair in pairs {
                if let Kind::Seq(items) = &pair.value.kind {
                    for item in items {
                        let image = match pair.key.as_str() {
                            key if CONTAINERS.contains(&key) => item.get("image"),
                            // A volume that is an image's content.
                            "volumes" => item.get("image").and_then(|image| image.get("reference")),
                            _ => None,
                        };
                        add(image, found);
                    }
                }
                collect(&pair.value, found);
            }
        }
        Kind::Seq(items) => items.iter().for_each(|item| collect(item, found)),
        Kind::Scalar(_) => {}
    }
}

fn add(image: Option<&Node>, found: &mut Vec<String>) {
    if let Some(Kind::Scalar(scalar)) = image.map(|node| &node.kind)
        && !scalar.text.is_empty()
        && !found.contains(&scalar.text)
    {
        found.push(scalar.text.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::images;

    #[test]
    fn pods_are_found_wherever_they_are() {
        let manifest = r#"
apiVersion: v1
kind: Pod
spec:
  initContainers: [{name: i, image: "r.example/init:1"}]
  containers:
    - {name: a, image: r.example/a@sha256:00}
    - {name: b}
  volumes: [{name: v, image: {reference: r.example/data:3}}, {name: w, emptyDir: {}}]
---
apiVersion: batch/v1
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: busybox}]}}}}}
--- # a list, and one image again
apiVersion: v1
kind: List
items:
  - {apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {containers: [{image: busybox}, {image: r.example/d:1.10}]}}}}
"#;
        assert_eq!(
            images(manifest),
            ["r.example/init:1", "r.example/a@sha256:00", "r.example/data:3", "busybox", "r.example/d:1.10"]
        );
    }

    #[test]
    fn what_is_no_pod_has_no_image() {
        let schema =
            "kind: CustomResourceDefinition\nspec: {properties: {containers: {items: {properties: {image: {type: string}}}}}}\n";
        let text = "kind: ConfigMap\ndata: {pod: 'containers: [{image: x}]'}\nimage: y\n";
        assert!(images(&format!("{schema}---\n{text}---\na: [\n")).is_empty());
    }
}
