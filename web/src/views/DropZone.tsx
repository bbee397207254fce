/** A place to drop files on, and a button for those who do not drag. */

import { useRef, useState, type DragEvent, type ReactNode } from 'react';
import { Button, Icon } from './controls';

const isOfFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files');

/** What an element needs to take files that are dropped on it; the innermost one takes them. */
export function useFileDrop(onFiles: (files: File[]) => void, disabled = false) {
  const [over, setOver] = useState(false);
  const handlers = {
    onDragOver: (event: DragEvent) => {
      if (!isOfFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(!disabled);
    },
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => {
      if (!isOfFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(false);
      if (!disabled && event.dataTransfer.files.length) onFiles([...event.dataTransfer.files]);
    },
  };
  return { over: over && !disabled, handlers };
}

export function DropZone({ onFiles, children, disabled }: { onFiles: (files: File[]) => void; children: ReactNode; disabled?: boolean }) {
  const { over, handlers } = useFileDrop(onFiles, disabled);
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className={over ? 'drop over' : 'drop'} {...handlers}>
      <Icon name="upload" size={22} />
      <div>{children}</div>
      <Button disabled={disabled} onClick={() => input.current?.click()}>
        Choose files
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
    </div>
  );
}
