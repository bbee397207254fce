/** Points drawn by WebGL2: positions once, one byte of shade and one of flag per point, colours from a table. */

import type { Viewport } from '../data/viewport';

const VERTEX = `#version 300 es
in float x;
in float y;
in float shade;
in float flag;
uniform vec2 centre;
uniform vec2 zoom;
uniform float size;
uniform sampler2D colours;
out vec4 colour;
void main() {
  gl_Position = vec4((vec2(x, y) - centre) * zoom, 0.0, 1.0);
  gl_PointSize = flag < 1.5 ? max(1.0, size * 0.8) : size;
  colour = texelFetch(colours, ivec2(int(shade + 0.5), 0), 0);
  colour.a *= flag < 1.5 ? 0.3 : 0.9;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 colour;
uniform float size;
out vec4 pixel;
void main() {
  float edge = 1.0;
  if (size > 2.0) {
    float d = length(gl_PointCoord - 0.5) * size;
    edge = 1.0 - smoothstep(size * 0.5 - 1.0, size * 0.5, d);
    if (edge <= 0.0) discard;
  }
  float a = colour.a * edge;
  pixel = vec4(colour.rgb * a, a);
}`;

function compile(gl: WebGL2RenderingContext, kind: number, source: string): WebGLShader {
  const shader = gl.createShader(kind);
  if (!shader) throw new Error('WebGL gave no shader');
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
    throw new Error(`The shader does not compile: ${gl.getShaderInfoLog(shader) ?? ''}`);
  }
  return shader;
}

export class PointsRenderer {
  /** True where pixels are computed by the processor (no graphics card), which is slow for many points. */
  readonly isSoftware: boolean;
  private readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private readonly buffers: Record<'x' | 'y' | 'shade' | 'flag' | 'order', WebGLBuffer>;
  private readonly uniforms: Record<'centre' | 'zoom' | 'size', WebGLUniformLocation | null>;
  private readonly texture: WebGLTexture;
  private nOrdered = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error('WebGL 2 is not available in this browser');
    this.gl = gl;
    const info = gl.getExtension('WEBGL_debug_renderer_info');
    const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    this.isSoftware = /swiftshader|llvmpipe|software|basic render/i.test(name);
    const program = gl.createProgram();
    gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(`The shaders do not link: ${gl.getProgramInfoLog(program) ?? ''}`);
    }
    this.program = program;
    const buffer = () => gl.createBuffer();
    this.buffers = { x: buffer(), y: buffer(), shade: buffer(), flag: buffer(), order: buffer() };
    const at = (name: string) => gl.getUniformLocation(program, name);
    this.uniforms = { centre: at('centre'), zoom: at('zoom'), size: at('size') };
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.attribute('x', gl.FLOAT);
    this.attribute('y', gl.FLOAT);
    this.attribute('shade', gl.UNSIGNED_BYTE);
    this.attribute('flag', gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.order);
  }

  private attribute(name: 'x' | 'y' | 'shade' | 'flag', type: number): void {
    const { gl } = this;
    const location = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, 1, type, false, 0, 0);
  }

  set(name: 'x' | 'y' | 'shade' | 'flag', values: Float32Array | Uint8Array): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, name === 'x' || name === 'y' ? gl.STATIC_DRAW : gl.DYNAMIC_DRAW);
  }

  setTable(table: Uint8Array): void {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table);
  }

  /** Which points are drawn, and in what order: the last lie on top. */
  setOrder(order: Uint32Array): void {
    const { gl } = this;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
    this.nOrdered = order.length;
  }

  clear(): void {
    const { gl } = this;
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** Draw; `size` is the diameter of a point in device pixels. */
  draw(view: Viewport, pixelRatio: number, size: number): void {
    const { gl, canvas, uniforms } = this;
    const width = Math.max(1, Math.round(view.width * pixelRatio));
    const height = Math.max(1, Math.round(view.height * pixelRatio));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    gl.viewport(0, 0, width, height);
    this.clear();
    if (this.nOrdered === 0) return;
    gl.useProgram(this.program);
    gl.uniform2f(uniforms.centre, view.x, view.y);
    gl.uniform2f(uniforms.zoom, (2 * view.scale) / view.width, (2 * view.scale) / view.height);
    gl.uniform1f(uniforms.size, size);
    gl.drawElements(gl.POINTS, this.nOrdered, gl.UNSIGNED_INT, 0);
  }

  /** Wait until what was drawn is really on the canvas (for honest timing). */
  finish(): void {
    const pixel = new Uint8Array(4);
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, pixel);
  }

  destroy(): void {
    const { gl } = this;
    for (const buffer of Object.values(this.buffers)) gl.deleteBuffer(buffer);
    gl.deleteTexture(this.texture);
    gl.deleteProgram(this.program);
  }
}
