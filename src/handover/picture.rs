//! The cluster as boxes and lines.
//!
//! In: the nodes. Out: coordinates for `index.html`. Absent on purpose: SVG itself, which is the
//! template's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Node;

const BOX_WIDTH: usize = 150;
const BOX_HEIGHT: usize = 52;
const GAP: usize = 20;
const ROW_GAP: usize = 60;
const PER_ROW: usize = 6;

/// A drawing.
#[derive(Debug, Serialize)]
pub struct Picture {
    width: usize,
    height: usize,
    boxes: Vec<Drawn>,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Drawn {
    x: usize,
    y: usize,
    cx: usize,
    width: usize,
    height: usize,
    fill: &'static str,
    title: String,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Line {
    x1: usize,
    y1: usize,
    x2: usize,
    y2: usize,
}

/// Draws the endpoint on top, load balancers below it, then control planes, then workers and etcd machines; every machine
/// is joined to the row of those it talks to.
pub fn draw(nodes: &BTreeMap<String, Node>, endpoint: &str) -> Picture {
    let of = |role: &str, fill: &'static str| {
        nodes
            .iter()
            .filter(|(_, node)| node.role == role)
            .map(|(name, node)| (fill, name.clone(), node.address.clone()))
            .collect::<Vec<_>>()
    };
    let rows = [
        vec![("#fff3c4", endpoint.to_owned(), "control-plane endpoint".to_owned())],
        of("load-balancer", "#ffd9b3"),
        of("control-plane", "#cfe3ff"),
        [of("worker", "#d7f0d2"), of("etcd", "#ead7f5")].concat(),
    ];
    let rows: Vec<_> = rows.into_iter().filter(|row| !row.is_empty()).collect();
    let widest = rows.iter().map(|row| row.len().min(PER_ROW)).max().unwrap_or(1);
    let width = widest * (BOX_WIDTH + GAP) + GAP;
    let (mut boxes, mut lines, mut y) = (Vec::<Drawn>::new(), Vec::new(), GAP);
    let mut above: Vec<(usize, usize)> = Vec::new();
    for row in rows {
        let mut centres = Vec::new();
        for chunk in row.chunks(PER_ROW) {
            let left = (width - (chunk.len() * (BOX_WIDTH + GAP) - GAP)) / 2;
            for (i, (fill, title, detail)) in chunk.iter().enumerate() {
                let x = left + i * (BOX_WIDTH + GAP);
                let cx = x + BOX_WIDTH / 2;
                lines.extend(above.iter().map(|&(x1, y1)| Line { x1, y1, x2: cx, y2: y }));
                centres.push((cx, y + BOX_HEIGHT));
                let (title, detail) = (title.clone(), detail.clone());
                boxes.push(Drawn { x, y, cx, width: BOX_WIDTH, height: BOX_HEIGHT, fill, title, detail });
            }
            y += BOX_HEIGHT + GAP;
        }
        y += ROW_GAP - GAP;
        above = centres;
    }
    Picture { width, height: y - ROW_GAP + GAP, boxes, lines }
}
