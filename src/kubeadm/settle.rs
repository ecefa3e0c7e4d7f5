//! Choices that a release no longer offers.
//!
//! In: documents as a user has them. Out: the same without the fields that a release lost, where they say what it does
//! anyway. Absent on purpose: refusing the other choices; the profile's check has done that.
//!
//! A file written for 1.21 often says `dns: {type: CoreDNS}` or `useHyperKubeImage: false`, because `kubeadm config view`
//! and `config migrate` printed them; kubeadm since 1.22 warns of the one and the other as unknown.

use serde_json::{Map, Value};

use super::{Documents, text_of};
use crate::kubernetes::Release;
use crate::kubernetes::schema::{DocumentKind, Field, Shape};

/// Leaves out of the documents what goes without saying in a release.
pub fn settle(documents: &mut Documents, release: &Release) {
    for kind in DocumentKind::ALL {
        drop_settled(documents.get_mut(kind), kind.fields(), release);
    }
}

/// A mapping that held nothing else goes as well.
fn drop_settled(document: &mut Map<String, Value>, fields: &'static [Field], release: &Release) {
    document.retain(|name, value| {
        let Some(field) = fields.iter().find(|field| field.name == name) else { return true };
        if let (Shape::Object(inner), Value::Object(below)) = (field.shape, &mut *value) {
            let said = !below.is_empty();
            drop_settled(below, inner, release);
            return !(said && below.is_empty());
        }
        field.settled_in(release).is_none_or(|settled| text_of(value) != settled)
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::{Minor, release};

    #[test]
    fn what_goes_without_saying_is_left_out_where_the_field_is_gone() {
        let written = json!({"dns": {"type": "CoreDNS"}, "useHyperKubeImage": false, "proxy": {}, "imageRepository": "r"});
        let of = |minor, cluster: &Value| {
            let map = cluster.as_object().expect("a map").clone();
            let mut documents = Documents { cluster: map, ..Documents::default() };
            settle(&mut documents, release(Minor(1, minor)).expect("a release"));
            Value::from(documents.cluster)
        };
        assert_eq!(of(21, &written), written);
        assert_eq!(of(22, &written), json!({"proxy": {}, "imageRepository": "r"}));
        let tagged = json!({"dns": {"type": "CoreDNS", "imageTag": "v1.14.6"}});
        assert_eq!(of(37, &tagged), json!({"dns": {"imageTag": "v1.14.6"}}));
        let chosen = json!({"dns": {"type": "kube-dns"}, "useHyperKubeImage": true});
        assert_eq!(of(37, &chosen), chosen, "a choice is refused where it is read, not dropped");
    }
}
