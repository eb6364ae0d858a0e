import { Monitor, Moon, Sun } from 'lucide-react';
import { useState } from 'react';
import classes from './theme-choice.module.css';
import { chooseTheme, currentTheme, THEMES, type Theme } from './theme.ts';

const LOOK = { system: Monitor, light: Sun, dark: Moon } as const;

export function ThemeChoice() {
  const [theme, setTheme] = useState(currentTheme);
  function choose(chosen: Theme) {
    chooseTheme(chosen);
    setTheme(chosen);
  }
  return (
    <fieldset className={classes['choice']}>
      <legend className="visually-hidden">Theme</legend>
      {THEMES.map((each) => {
        const Icon = LOOK[each];
        return (
          <label key={each} title={each} className={each === theme ? classes['chosen'] : ''}>
            <input
              type="radio"
              name="theme"
              className="visually-hidden"
              checked={each === theme}
              onChange={() => choose(each)}
            />
            <Icon aria-hidden="true" />
            <span className="visually-hidden">{each}</span>
          </label>
        );
      })}
    </fieldset>
  );
}
