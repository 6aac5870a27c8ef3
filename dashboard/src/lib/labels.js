// Where the name of each dot may stand without covering another one; null: nowhere.
const PLACES = [
  {dx: 9, dy: 0, anchor: "start"}, {dx: -9, dy: 0, anchor: "end"}, {dx: 0, dy: -12, anchor: "middle"}, {dx: 0, dy: 13, anchor: "middle"},
  {dx: 8, dy: -10, anchor: "start"}, {dx: 8, dy: 11, anchor: "start"}, {dx: -8, dy: -10, anchor: "end"}, {dx: -8, dy: 11, anchor: "end"}
];

export function placeLabels(points, size, font = 12) {
  const taken = points.map((p) => ({left: p.x - 6, right: p.x + 6, top: p.y - 6, bottom: p.y + 6}));
  return points.map((point) => {
    const width = [...point.text].reduce((sum, c) => sum + (c > "\u2e80" ? font : font * 0.58), 0);
    for (const place of PLACES) {
      const middle = {start: point.x + place.dx + width / 2, end: point.x + place.dx - width / 2, middle: point.x + place.dx}[place.anchor];
      const box = {left: middle - width / 2, right: middle + width / 2, top: point.y + place.dy - font * 0.6, bottom: point.y + place.dy + font * 0.6};
      if (box.left < size.left || box.right > size.right || box.top < size.top || box.bottom > size.bottom) continue;
      if (taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top)) continue;
      taken.push(box);
      return place;
    }
    return null;
  });
}
