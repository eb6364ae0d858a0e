import icon from '../icon.svg';
import classes from './logo.module.css';

export function Logo() {
  return (
    <span className={classes['logo']}>
      <img src={icon} alt="" width={26} height={26} />
      Windlass
    </span>
  );
}
