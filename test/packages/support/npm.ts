/** npm takes what its cache has, and asks nobody about security. */
export const NPM_SETTINGS = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_prefer_offline: 'true',
};
