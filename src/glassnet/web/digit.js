/**
 * From pen strokes to the pixels of a data set, in pure functions.
 *
 * A network knows only pictures that were made as its training pictures were: cut out, scaled, drawn with a line of a
 * certain width, laid into the middle of the frame. A drawing goes the same way here. It stays a set of strokes until
 * the last step, so no stage blurs what the stage before has made. All lengths are shares of the frame's side.
 *
 * @typedef {[number, number]} Point
 * @typedef {[number, number]} Size
 * @typedef {{x: number, y: number, width: number, height: number}} Paper
 * @typedef {object} Drawing
 * @property {Point[][]} strokes
 * @property {number} pen width of the line
 * @property {Paper} paper what is cut out of the sheet
 * @property {{line: Size, room: Size} | null} cut once the paper is cut: the size of the line then, without the pen's width, and the room that the
 *   ink is to fill
 * @typedef {Partial<Record<"straighten" | "crop" | "scale" | "pen" | "centre", boolean>>} Switches
 * @typedef {"raw" | keyof Switches} StageName
 *
 * @typedef {object} Form how the pictures of a data set were made
 * @property {number} size pixels along a side of the frame
 * @property {boolean} upright whether slanted drawings are set upright
 * @property {[number, number]} box width and height that the ink may fill
 * @property {boolean} stretch whether a wide drawing is squeezed until it has the height of the box
 * @property {number} pen width of the line
 * @property {boolean} line whether every drawing gets that width
 * @property {number | null} ink share of inked pixels, where the width of the line is chosen to reach it
 * @property {"mass" | "box"} centre what lies in the middle of the frame
 */

/** A pixel is a block of INK_BLOCK x INK_BLOCK cells of a black-and-white bitmap: its value is their share of ink. */
const INK_BLOCK = 4;
const LARGEST_SCALE = 12; // a dot stays a dot
const THICKEST = 0.2; // a stroke straight down never becomes a block
const HALVINGS = 10;
const EDGE = 0.1; // of the height: the top and the foot of a drawing
const STEEPEST = 0.7;

/**
 * The drawing after every stage, in order; a stage that is switched off leaves it as it is.
 *
 * @param {Point[][]} strokes
 * @param {number} pen
 * @param {Form} form
 * @param {Switches} switches
 * @returns {{name: StageName, drawing: Drawing}[]}
 */
export function stagesOf(strokes, pen, form, switches) {
  /** @type {Partial<Record<StageName, (drawing: Drawing, form: Form) => Drawing>>} */
  const steps = {
    ...(form.upright ? { straighten: setUpright } : {}),
    crop: cropPaper,
    scale: scalePaper,
    ...(form.line ? { pen: chooseLine } : {}),
    centre: centreInk,
  };
  /** @type {Drawing} */
  let drawing = { strokes, pen, paper: { x: 0, y: 0, width: 1, height: 1 }, cut: null };
  /** @type {{name: StageName, drawing: Drawing}[]} */
  const stages = [{ name: "raw", drawing }];
  for (const [name, step] of Object.entries(steps)) {
    if (switches[/** @type {keyof Switches} */ (name)] && strokes.length > 0) drawing = step(drawing, form);
    stages.push({ name: /** @type {StageName} */ (name), drawing });
  }
  return stages;
}

/**
 * Shears the drawing until the left end of its top lies above the left end of its foot, as NIST's programs did.
 *
 * @param {Drawing} drawing
 * @returns {Drawing}
 */
function setUpright(drawing) {
  const { y: top, height } = paperAround(drawing.strokes, 0);
  const left = (/** @type {(y: number) => boolean} */ isNear) => Math.min(...drawing.strokes.flat().filter(([, y]) => isNear(y)).map(([x]) => x));
  const lean = left((y) => y <= top + EDGE * height) - left((y) => y >= top + (1 - EDGE) * height);
  const slope = height > 0 ? within(lean / height, -STEEPEST, STEEPEST) : 0;
  return { ...drawing, strokes: mapPoints(drawing.strokes, ([x, y]) => [x + slope * (y - top - height / 2), y]) };
}

/**
 * Cuts the paper down to the ink.
 *
 * @param {Drawing} drawing
 * @returns {Drawing}
 */
function cropPaper(drawing) {
  const paper = paperAround(drawing.strokes, drawing.pen);
  const { width, height } = paperAround(drawing.strokes, 0);
  return { ...drawing, paper, cut: { line: [width, height], room: [paper.width, paper.height] } };
}

/**
 * Enlarges or shrinks the paper with all that is on it, until it fills the box. It stays inside the frame.
 *
 * @param {Drawing} drawing
 * @param {Form} form
 * @returns {Drawing}
 */
function scalePaper({ strokes, pen, paper, cut }, form) {
  const [across, down] = fitting([paper.width, paper.height], form.box, form);
  const [width, height] = [paper.width * across, paper.height * down];
  const [left, top] = [within(paper.x, 0, 1 - width), within(paper.y, 0, 1 - height)];
  return {
    strokes: mapPoints(strokes, ([x, y]) => [left + (x - paper.x) * across, top + (y - paper.y) * down]),
    pen: pen * Math.sqrt(across * down),
    paper: { x: left, y: top, width, height },
    cut: cut && { ...cut, room: form.box },
  };
}

/**
 * The factors, across and down, by which a thing of this size fills the room. Only a thing too wide is squeezed, and
 * only where the form says so.
 *
 * @param {Size} thing
 * @param {Size} room
 * @param {Form} form
 * @returns {Size}
 */
function fitting([width, height], room, { stretch }) {
  const [wide, high] = [Math.min(room[0] / width, LARGEST_SCALE), Math.min(room[1] / height, LARGEST_SCALE)];
  return [Math.min(wide, high), stretch ? high : Math.min(wide, high)];
}

/**
 * Gives the line the width that lines have in the data set.
 *
 * @param {Drawing} drawing
 * @param {Form} form
 * @returns {Drawing}
 */
function chooseLine(drawing, form) {
  if (form.ink === null) return withPen(drawing, form.pen, form);
  let thin = 1 / (INK_BLOCK * form.size);
  let thick = THICKEST;
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const pen = (thin + thick) / 2;
    if (inkShare(withPen(drawing, pen, form), form.size) < form.ink) thin = pen;
    else thick = pen;
  }
  return withPen(drawing, thin, form);
}

/**
 * Lays the paper into the middle of the frame, or moves it until the centre of mass of the ink lies there.
 *
 * @param {Drawing} drawing
 * @param {Form} form
 * @returns {Drawing}
 */
function centreInk(drawing, form) {
  const middled = layInMiddle(drawing);
  const mass = form.centre === "mass" ? centreOfMass(middled, form.size) : null;
  return mass ? movePaper(middled, 0.5 - mass[0], 0.5 - mass[1]) : middled;
}

/**
 * @param {Drawing} drawing
 * @returns {Drawing}
 */
function layInMiddle(drawing) {
  const { x, y, width, height } = drawing.paper;
  return movePaper(drawing, 0.5 - x - width / 2, 0.5 - y - height / 2);
}

/**
 * The strokes drawn with another pen, and resized so that the ink fills its room again.
 *
 * @param {Drawing} drawing
 * @param {number} pen
 * @param {Form} form
 * @returns {Drawing}
 */
function withPen(drawing, pen, form) {
  const line = paperAround(drawing.strokes, 0);
  const size = /** @type {Size} */ ([line.width, line.height]);
  const { line: [width, height], room } = drawing.cut ?? { line: size, room: [line.width + drawing.pen, line.height + drawing.pen] };
  const [wide, high] = fitting([width, height], [Math.max(room[0] - pen, 0), Math.max(room[1] - pen, 0)], form);
  const [across, down] = [(width * wide) / (line.width || 1), (height * high) / (line.height || 1)];
  const [middleX, middleY] = [line.x + line.width / 2, line.y + line.height / 2];
  const strokes = mapPoints(drawing.strokes, ([x, y]) => [middleX + (x - middleX) * across, middleY + (y - middleY) * down]);
  return { ...drawing, strokes, pen, paper: drawing.cut ? paperAround(strokes, pen) : drawing.paper };
}

/**
 * @param {Drawing} drawing
 * @param {number} right
 * @param {number} down
 * @returns {Drawing}
 */
function movePaper(drawing, right, down) {
  const { strokes, paper } = drawing;
  return {
    ...drawing,
    strokes: mapPoints(strokes, ([x, y]) => [x + right, y + down]),
    paper: { ...paper, x: paper.x + right, y: paper.y + down },
  };
}

/**
 * @param {Point[][]} strokes
 * @param {(point: Point) => Point} change
 * @returns {Point[][]}
 */
function mapPoints(strokes, change) {
  return strokes.map((stroke) => stroke.map(change));
}

/**
 * The number nearest to `value` from `least` to `most`.
 *
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
export function within(value, least, most) {
  return Math.max(least, Math.min(value, most));
}

/**
 * The smallest paper that holds the ink.
 *
 * @param {Point[][]} strokes
 * @param {number} pen
 * @returns {Paper}
 */
function paperAround(strokes, pen) {
  const xs = strokes.flatMap((stroke) => stroke.map((point) => point[0]));
  const ys = strokes.flatMap((stroke) => stroke.map((point) => point[1]));
  const [x, y] = [Math.min(...xs) - pen / 2, Math.min(...ys) - pen / 2];
  return { x, y, width: Math.max(...xs) + pen / 2 - x, height: Math.max(...ys) + pen / 2 - y };
}

// ---------------------------------------------------------------- from strokes to pixels

/**
 * The picture row by row, each pixel the share of its block that is inked: 0 to 1.
 *
 * @param {Drawing} drawing
 * @param {number} size
 */
export function pixelsOf(drawing, size) {
  const side = INK_BLOCK * size;
  const pixels = new Float64Array(size * size);
  bitmapOf(drawing, side).forEach((cell, at) => {
    const row = Math.floor(at / side / INK_BLOCK);
    const column = Math.floor((at % side) / INK_BLOCK);
    pixels[row * size + column] = (pixels[row * size + column] ?? 0) + cell / INK_BLOCK ** 2;
  });
  return pixels;
}

/**
 * The mean place of the ink in the frame; null where there is none.
 *
 * @param {Drawing} drawing
 * @param {number} size
 * @returns {Point | null}
 */
function centreOfMass(drawing, size) {
  const side = INK_BLOCK * size;
  let [mass, x, y] = [0, 0, 0];
  bitmapOf(drawing, side).forEach((cell, at) => {
    mass += cell;
    x += cell * ((at % side) + 0.5);
    y += cell * (Math.floor(at / side) + 0.5);
  });
  return mass > 0 ? [x / mass / side, y / mass / side] : null;
}

/**
 * The share of the frame that is inked.
 *
 * @param {Drawing} drawing
 * @param {number} size
 */
function inkShare(drawing, size) {
  const bitmap = bitmapOf(layInMiddle(drawing), INK_BLOCK * size);
  return bitmap.reduce((sum, cell) => sum + cell, 0) / bitmap.length;
}

/**
 * Black and white: a cell is inked where its middle lies under the line.
 *
 * @param {Drawing} drawing
 * @param {number} side
 */
function bitmapOf({ strokes, pen }, side) {
  const bitmap = new Uint8Array(side * side);
  for (const points of mapPoints(strokes, ([x, y]) => [x * side, y * side])) {
    points.forEach((point, index) => inkSegment(bitmap, side, points[index - 1] ?? point, point, (pen / 2) * side));
  }
  return bitmap;
}

/**
 * @param {Uint8Array} bitmap
 * @param {number} side
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 */
function inkSegment(bitmap, side, [ax, ay], [bx, by], radius) {
  const [dx, dy] = [bx - ax, by - ay];
  const length2 = dx * dx + dy * dy || 1;
  const first = (/** @type {number} */ a, /** @type {number} */ b) => Math.max(Math.floor(Math.min(a, b) - radius), 0);
  const last = (/** @type {number} */ a, /** @type {number} */ b) => Math.min(Math.ceil(Math.max(a, b) + radius), side - 1);
  for (let row = first(ay, by); row <= last(ay, by); row += 1) {
    for (let column = first(ax, bx); column <= last(ax, bx); column += 1) {
      const [x, y] = [column + 0.5 - ax, row + 0.5 - ay];
      const along = within((x * dx + y * dy) / length2, 0, 1);
      if ((x - along * dx) ** 2 + (y - along * dy) ** 2 <= radius * radius) bitmap[row * side + column] = 1;
    }
  }
}
