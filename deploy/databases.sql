-- One database for each context, and one user for all. A user for each, of least rights: tidings grants
CREATE DATABASE IF NOT EXISTS user_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS contact_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS template_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS campaign_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS team_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS whatsapp_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE IF NOT EXISTS event_service CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
GRANT ALL ON user_service.* TO 'tidings'@'%';
GRANT ALL ON contact_service.* TO 'tidings'@'%';
GRANT ALL ON template_service.* TO 'tidings'@'%';
GRANT ALL ON campaign_service.* TO 'tidings'@'%';
GRANT ALL ON team_service.* TO 'tidings'@'%';
GRANT ALL ON whatsapp_service.* TO 'tidings'@'%';
GRANT ALL ON event_service.* TO 'tidings'@'%';
