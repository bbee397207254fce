/** A place to drop files on, and a button for those who do not drag. */

import { useRef, useState, type ReactNode } from 'react';
import { Button, Icon } from './controls';

export function DropZone({ onFiles, children, disabled }: { onFiles: (files: File[]) => void; children: ReactNode; disabled?: boolean }) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  return (
    <div
      className={over ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(!disabled);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (!disabled && event.dataTransfer.files.length) onFiles([...event.dataTransfer.files]);
      }}
    >
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
