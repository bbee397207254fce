/** PUT of one chunk of an upload, with progress while it goes (fetch cannot tell progress, XMLHttpRequest can). */

import { uploadDataUrl } from './datasets';
import { ApiError, problemToError } from './http';

export function putChunk(
  id: string,
  offset: number,
  chunk: Blob,
  onProgress: (sent: number) => void,
  signal?: AbortSignal,
): Promise<{ offset: number }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', uploadDataUrl(id, offset));
    request.setRequestHeader('X-Cytosol', '1');
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as { offset: number });
      else reject(problemToError(request.status, request.responseText, request.getResponseHeader('X-Request-Id') ?? ''));
    };
    request.onerror = () =>
      reject(new ApiError(0, 'unreachable', 'The connection broke while uploading. It resumes by itself.', ''));
    request.onabort = () => reject(new DOMException('The upload was stopped', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send(chunk);
  });
}
